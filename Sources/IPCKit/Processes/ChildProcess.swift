// A child, by its pidfd: signals reach it and no other, and its end is an event like any other.

internal import CIPCShim
internal import Glibc

/// A child of this process.
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

  init(processID: Int32, _ process: consuming ProcessHandle, on loop: EventLoop) {
    self.processID = processID
    registration = try? Registration(of: process.descriptor, on: loop)
    self.process = process
    self.loop = loop
  }

  /// Suspends until the child has ended, and reaps it. waitid(2) with P_PIDFD.
  ///
  /// It cannot be cancelled: end the child first.
  nonisolated(nonsending) public func exit() async -> ExitStatus {
    var pause = Duration.milliseconds(1)
    while true {
      if let status = process.reap() { return status }
      // A cancelled task waits too: without a suspension, this would spin.
      if await registration?.waitRegardless(for: .read) == nil {
        await loop.sleepRegardless(until: .after(pause))
        pause = min(pause * 2, .milliseconds(100))
      }
    }
  }

  /// Sends a signal to the child alone. pidfd_send_signal(2); a child that has ended is no error.
  public func signal(_ number: Int32) { try? process.signal(number) }

  /// Sends a signal to the child's process group. kill(2). Only before ``exit()`` has returned: the number could be another's.
  public func signalGroup(_ number: Int32) { _ = ipc_signal_group(processID, number) }

  /// SIGKILL to the child and to its process group.
  public func kill() {
    signalGroup(SIGKILL)
    signal(SIGKILL)
  }
}
