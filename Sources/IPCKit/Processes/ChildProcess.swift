// A child, by its pidfd: signals reach it and no other, and its end is an event like any other.

internal import CIPCShim
internal import Glibc

/// A child of this process, or one that it has taken over from the process that started it.
///
/// Await ``exit()`` once: a child that nobody awaits stays in the process table, as a zombie, until this process ends.
public struct ChildProcess: ~Copyable {
  /// The number of the process; of its session and process group too.
  public let processID: Int32
  // The order matters: fields end in the order they stand in.
  /// Nil where the kernel had no room for a watch: the child's end is looked for now and then.
  private let registration: Registration?
  private let process: ProcessHandle
  private let loop: EventLoop
  /// Whether another process is its parent, and reaps it.
  private let isAdopted: Bool

  // Not inlined: swift 6.3.1 fails over the owner of `process` where it is (CopyPropagation).
  @inline(never)
  init(processID: Int32, _ process: consuming ProcessHandle, isAdopted: Bool = false, on loop: EventLoop) {
    self.processID = processID
    registration = try? Registration(of: process.descriptor, on: loop)
    self.process = process
    self.loop = loop
    self.isAdopted = isAdopted
  }

  /// Takes over a child of a process that is no more, such as the one that this one was restarted from.
  ///
  /// Another process is its parent now and reaps it, so that ``exit()`` knows how it ended only as far as the kernel tells:
  /// from Linux 6.15 on.
  /// - Parameters:
  ///   - process: a pidfd of the child's, as the earlier process had it.
  ///   - processID: its number, which leads its process group.
  ///   - loop: where its end is awaited.
  public init(adopting process: consuming ProcessHandle, processID: Int32, on loop: EventLoop) {
    self.init(processID: processID, process, isAdopted: true, on: loop)
  }

  /// A second pidfd, for whoever takes the child over one day. fcntl(2) with F_DUPFD_CLOEXEC.
  /// - Parameters:
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: EMFILE.
  public func duplicateDescriptor(
    fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) -> FileDescriptor {
    try process.descriptor.duplicate(fileID: fileID, line: line)
  }

  /// How long a parent that is not this process has to reap the child, until how it ended is called unknown.
  private static let patience = Duration.seconds(10)

  /// Suspends until the child has ended, and reaps it. waitid(2) with P_PIDFD; of one that was taken over, ioctl(2) with
  /// PIDFD_GET_INFO.
  ///
  /// It cannot be cancelled: end the child first.
  nonisolated(nonsending) public func exit() async -> ExitStatus {
    var pause = Duration.milliseconds(1)
    var deadline = Deadline.never
    while true {
      if let status = isAdopted ? adoptedExit(&deadline) : process.reap() { return status }
      // A cancelled task waits too: without a suspension, this would spin.
      if await registration?.waitRegardless(for: .read, deadline) == nil {
        await loop.sleepRegardless(until: .after(pause))
        pause = min(pause * 2, .milliseconds(100))
      }
    }
  }

  /// How a child of another's ended; nil while it lives, and for as long as its parent may take to reap it.
  private func adoptedExit(_ deadline: inout Deadline) -> ExitStatus? {
    // Of a process that lives, some kernels say no more than of one that they cannot tell the end of.
    guard (try? process.hasEnded) != false else { return nil }
    if let status = process.exitStatus { return status }
    if deadline == .never { deadline = .after(Self.patience) }
    return deadline.hasPassed ? .unknown : nil
  }

  /// Sends a signal to the child alone. pidfd_send_signal(2); a child that has ended is no error.
  public func signal(_ number: Int32) { try? process.signal(number) }

  /// Sends a signal to the child's process group. kill(2), pidfd_send_signal(2). Only before ``exit()`` has returned: the number could be another's.
  public func signalGroup(_ number: Int32) {
    guard isAdopted else { return _ = ipc_signal_group(processID, number) }
    // Its number can be another's at any moment, so the group is signalled by the pidfd where the kernel can.
    _ = ipc_pidfd_signal_group(process.descriptor.number, processID, number)
  }

  /// SIGKILL to the child and to its process group.
  public func kill() {
    signalGroup(SIGKILL)
    signal(SIGKILL)
  }
}
