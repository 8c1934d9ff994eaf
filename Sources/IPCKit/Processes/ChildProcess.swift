// A child, by its pidfd: signals reach it and no other, and its end is an event like any other.

internal import CIPCShim
internal import Glibc

/// How a process ended.
public enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
  /// By exit(3), with this status, 0 to 255.
  case exited(Int32)
  /// By this signal.
  case signaled(Int32)
  /// Somebody else has reaped it, or SIGCHLD is ignored: the kernel does not tell any more.
  case unknown

  /// In words.
  public var description: String {
    switch self {
    case .exited(let code): "exited with status \(code)"
    case .signaled(let signal): "killed by signal \(signal)"
    case .unknown: "ended in an unknown way"
    }
  }
}

/// A child of this process.
///
/// Await ``exit()`` once: a child that nobody awaits stays in the process table, as a zombie, until this process ends.
public struct ChildProcess: ~Copyable {
  /// The number of the process; of its session and process group too.
  public let processID: Int32
  // The order matters: fields end in the order they stand in.
  /// Nil where the kernel had no room for a watch: the child's end is looked for now and then.
  private let registration: Registration?
  private let pidfd: FileDescriptor
  private let loop: EventLoop

  init(processID: Int32, pidfd: consuming FileDescriptor, on loop: EventLoop) {
    self.processID = processID
    registration = try? Registration(of: pidfd, on: loop)
    self.pidfd = pidfd
    self.loop = loop
  }

  /// Suspends until the child has ended, and reaps it. waitid(2) with P_PIDFD.
  ///
  /// It cannot be cancelled: end the child first.
  nonisolated(nonsending) public func exit() async -> ExitStatus {
    var pause = Duration.milliseconds(1)
    while true {
      if let status = ExitStatus.reaping(pidfd) { return status }
      // A cancelled task waits too: without a suspension, this would spin.
      if await registration?.waitRegardless(for: .read) == nil {
        await loop.sleepRegardless(until: .after(pause))
        pause = min(pause * 2, .milliseconds(100))
      }
    }
  }

  /// Sends a signal to the child alone. pidfd_send_signal(2); a child that has ended is no error.
  public func signal(_ number: Int32) { _ = ipc_pidfd_signal(pidfd.number, number) }

  /// Sends a signal to the child's process group. kill(2). Only before ``exit()`` has returned: the number could be another's.
  public func signalGroup(_ number: Int32) { _ = ipc_signal_group(processID, number) }

  /// SIGKILL to the child and to its process group.
  public func kill() {
    signalGroup(SIGKILL)
    signal(SIGKILL)
  }
}

extension ExitStatus {
  /// Reaps a child that has ended; nil while it lives. waitid(2) with P_PIDFD.
  static func reaping(_ pidfd: borrowing FileDescriptor) -> ExitStatus? {
    var ended = ipc_exit()
    // The shim fills the structure and keeps no pointer.
    switch unsafe ipc_reap(pidfd.number, &ended) {
    case 0: return nil
    case 1: return ended.signaled != 0 ? .signaled(ended.code) : .exited(ended.code)
    default: return .unknown
    }
  }
}
