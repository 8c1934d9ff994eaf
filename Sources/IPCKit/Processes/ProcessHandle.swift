// A process by its pidfd: whatever becomes of its number, a signal reaches this process or none.

internal import CIPCShim
internal import Glibc

/// A process, as a descriptor that stands for it and for no later one of the same number.
///
/// Any process can be signalled, as far as its owner may be, and its end waited for; a child can be reaped too.
///
/// ```swift
/// let process = try ProcessHandle(processID: 4711)
/// try process.signal(SIGTERM)
/// try process.waitForEnd(deadline: .after(.seconds(5)))
/// ```
///
/// On a loop, the descriptor is readable once the process has ended. Frozen, so that it can be moved out of it.
@frozen public struct ProcessHandle: ~Copyable, Sendable {
  /// The pidfd.
  public var descriptor: FileDescriptor

  /// Opens the process that has this number now. pidfd_open(2) with PIDFD_NONBLOCK.
  ///
  /// The number may be another's than the one that it was read of: of a child that was not reaped, it is not.
  /// - Parameters:
  ///   - processID: the number.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: ESRCH when there is no such process; EINVAL for a number that none has; EMFILE.
  public init(
    processID: Int32, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) {
    descriptor = try FileDescriptor(
      checking: ipc_pidfd_open(processID), "pidfd_open", "process \(processID)", at: CallSite(fileID, line))
  }

  /// Takes over a pidfd, such as one that clone(2) or a socket's SO_PEERPIDFD gave.
  public init(_ pidfd: consuming FileDescriptor) { descriptor = pidfd }

  /// Sends a signal to the process; 0 only asks whether that would be allowed. pidfd_send_signal(2).
  /// - Throws: ESRCH when the process has ended and was reaped; EPERM when it is another user's; EINVAL for a number that is
  ///   no signal.
  public borrowing func signal(_ number: Int32) throws(SystemError) {
    _ = try SystemError.check(ipc_pidfd_signal(descriptor.number, number), "pidfd_send_signal")
  }

  /// Whether the process has ended, reaped or not. ppoll(2).
  public var hasEnded: Bool {
    get throws(SystemError) {
      try SystemError.check(ipc_poll(descriptor.number, IPC_READABLE, 0), "ppoll") != 0
    }
  }

  /// Blocks until the process has ended. ppoll(2).
  /// - Throws: ``IPCError/deadlineExceeded(operation:)``.
  public borrowing func waitForEnd(deadline: Deadline = .never) throws(IPCError) {
    try descriptor.wait(for: IPC_READABLE, "wait", deadline)
  }

  /// Takes a child that has ended out of the process table; nil while it lives. waitid(2) with P_PIDFD.
  ///
  /// The kernel does it once: whoever comes second hears ``ExitStatus/unknown``, as whoever is not the parent does.
  public borrowing func reap() -> ExitStatus? {
    var ended = ipc_exit()
    // The shim fills the structure and keeps no pointer.
    switch unsafe ipc_reap(descriptor.number, &ended) {
    case 0: return nil
    case 1: return ExitStatus(ended)
    default: return .unknown
    }
  }

  /// How a process has ended that need not be our child, once its parent has reaped it; nil before. ioctl(2) with
  /// PIDFD_GET_INFO.
  ///
  /// ``ExitStatus/unknown`` where the kernel does not tell: before Linux 6.15.
  public var exitStatus: ExitStatus? {
    var ended = ipc_exit()
    // The shim fills the structure and keeps no pointer.
    switch unsafe ipc_pidfd_exit(descriptor.number, &ended) {
    case 0: return nil
    case 1: return ExitStatus(ended)
    default: return .unknown
    }
  }

  /// Blocks until a child has ended, and reaps it. ppoll(2), waitid(2) with P_PIDFD.
  /// - Throws: ``IPCError/deadlineExceeded(operation:)``.
  public borrowing func reap(deadline: Deadline) throws(IPCError) -> ExitStatus {
    while true {
      try waitForEnd(deadline: deadline)
      if let status = reap() { return status }
      // Ended, and held back by a debugger or strace that has not seen it yet: no event tells when it has.
      _ = ipc_poll(descriptor.number, 0, 1_000_000)
    }
  }
}
