// Signals as something to read, with who sent them: no handler, and nothing that must be async-signal-safe.

internal import CIPCShim
internal import Glibc

/// Signals that this process takes from a descriptor instead of handlers, in the order in which the kernel gives them.
///
/// ```swift
/// let signals = try SignalQueue([SIGTERM, SIGCHLD])
/// let signal = try signals.next(deadline: .after(.seconds(60)))
/// print(signal.number, signal.processID)
/// ```
///
/// What a thread reads is what was sent to the process, or to this thread. A signal that is sent again before it was read
/// comes once, but for the real-time ones. On a loop, ``SignalSource`` awaits them. Frozen, so that the descriptor can be
/// moved out of it.
@frozen public struct SignalQueue: ~Copyable, Sendable {
  /// The signalfd; non-blocking.
  public var descriptor: FileDescriptor

  /// Blocks the signals in this thread and takes them from a descriptor. pthread_sigmask(3), signalfd(2) with SFD_CLOEXEC
  /// and SFD_NONBLOCK.
  ///
  /// Threads that exist already keep theirs unblocked: make it before there are any. The signals stay blocked.
  /// - Parameters:
  ///   - signals: their numbers.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Precondition: there is at least one signal, or nothing would ever come.
  /// - Throws: EINVAL for a number that is no signal; EMFILE.
  public init(
    _ signals: [Int32], fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) {
    precondition(!signals.isEmpty, "a queue of no signals would wait for ever")
    // The array is valid for the length of the call.
    let result = unsafe signals.withUnsafeBufferPointer { signals -> CInt in
      guard let first = signals.baseAddress else { return -EINVAL }
      return unsafe ipc_signalfd(first, CInt(signals.count))
    }
    descriptor = try FileDescriptor(checking: result, "signalfd", at: CallSite(fileID, line))
  }

  /// The next signal; nil when none waits. read(2).
  public borrowing func take() throws(SystemError) -> ReceivedSignal? { try descriptor.takeSignal() }

  /// Blocks until a signal comes. read(2), ppoll(2).
  /// - Throws: ``IPCError/deadlineExceeded(operation:)``.
  public borrowing func next(deadline: Deadline = .never) throws(IPCError) -> ReceivedSignal {
    while true {
      if let signal = try IPCError.wrap({ () throws(SystemError) in try take() }) { return signal }
      try descriptor.wait(for: IPC_READABLE, "read", deadline)
    }
  }
}

/// A signal, and what the kernel tells of it.
public struct ReceivedSignal: Hashable, Sendable {
  /// Which one: SIGTERM and so on.
  public let number: Int32
  /// Who sent it; 0 for the kernel, or a process of a pid namespace that is not ours. Of SIGCHLD, the child.
  public let processID: Int32
  /// The real user id of that process.
  public let userID: UInt32
  /// Of SIGCHLD, how the child ended; it is to be reaped still. Nil when it was stopped or goes on, and for other signals.
  public let childStatus: ExitStatus?
}

extension FileDescriptor {
  /// The next signal of a signalfd, such as one that an ``EventSource`` has; nil when none waits. read(2).
  public borrowing func takeSignal() throws(SystemError) -> ReceivedSignal? {
    var signal = ipc_signal()
    // The shim fills the structure and keeps no pointer.
    guard try SystemError.check(unsafe ipc_signalfd_read(number, &signal), "read of signalfd") > 0 else { return nil }
    let status: ExitStatus? =
      signal.number == SIGCHLD && signal.has_ended != 0 ? ExitStatus(signal.exit) : nil
    return ReceivedSignal(
      number: signal.number, processID: signal.pid, userID: signal.uid, childStatus: status)
  }
}
