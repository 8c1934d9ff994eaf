// A process by its pidfd, child or not: signals, its end, and a reaping that happens once.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ProcessHandleTests {
  @Test func descriptorIsCloseOnExecAndNonBlocking() throws {
    let process = try ProcessHandle(processID: getpid())
    #expect(try process.descriptor.isCloseOnExec)
    #expect(try process.descriptor.isNonBlocking)
    #expect(target(of: process.descriptor)?.contains("pidfd") == true)
  }

  @Test func childIsSignalledAwaitedAndReapedOnce() async {
    await #expect(processExitsWith: .success) {
      let child = sleepingChild()
      let process = try ProcessHandle(processID: child.processID)
      try process.signal(0)
      let before = try process.hasEnded
      #expect(!before && process.reap() == nil)
      #expect(ipcFailure { try process.waitForEnd(deadline: .after(.zero)) } == expired)
      #expect(ipcFailure { _ = try process.reap(deadline: .after(.zero)) } == expired)
      // The one signal that the mask of this thread, which is the child's too, does not hold up.
      try process.signal(SIGKILL)
      try process.waitForEnd(deadline: .after(soon))
      // Ended and not reaped, which its end being known does not change.
      let after = try process.hasEnded
      #expect(after)
      try process.signal(SIGTERM)
      let status = try process.reap(deadline: .after(soon))
      #expect(status == .signaled(SIGKILL))
      #expect(process.reap() == .unknown)
      let again = try process.reap(deadline: .after(soon))
      #expect(again == .unknown)
      #expect(waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD)
      #expect(systemFailure { try process.signal(SIGTERM) }?.errno == ESRCH)
    }
  }

  @Test func exitStatusIsTold() async {
    await #expect(processExitsWith: .success) {
      let process = try ProcessHandle(processID: ForkedChild { 42 }.processID)
      let status = try process.reap(deadline: .after(soon))
      #expect(status == .exited(42))
    }
  }

  @Test func laterProcessOfTheSameNumberIsNotReached() async {
    await #expect(processExitsWith: .success) {
      let child = ForkedChild { 0 }
      let process = try ProcessHandle(processID: child.processID)
      #expect(child.wait() == 0)
      // The number is free, and a signal to whoever has it would be no failure.
      #expect(systemFailure { try process.signal(0) }?.errno == ESRCH)
      let hasEnded = try process.hasEnded
      #expect(hasEnded)
      #expect(systemFailure { _ = try ProcessHandle(processID: child.processID) }?.errno == ESRCH)
    }
  }

  @Test func endOfAProcessThatIsNoChildIsSeenAndItIsNotReaped() async {
    await #expect(processExitsWith: .success) {
      let report = try Pipe()
      // A child that tells its own child's number and ends with it.
      let parent = ForkedChild {
        let grandchild = sleepingChild()
        try? report.writing.writeAll("\(grandchild.processID)\n")
        return grandchild.wait() == -SIGKILL ? 0 : 1
      }
      var reader = BufferedReader(report.intoReading())
      let line = try reader.nextLine(as: String.self, deadline: .after(soon))
      let process = try ProcessHandle(processID: try #require(line.flatMap { pid_t($0) }))
      let before = try process.hasEnded
      #expect(!before)
      #expect(process.reap() == .unknown)
      try process.signal(SIGKILL)
      try process.waitForEnd(deadline: .after(soon))
      // Its own parent had it to reap.
      #expect(parent.wait() == 0)
    }
  }

  @Test func endIsAnEventOfALoop() async {
    await #expect(processExitsWith: .success) {
      let child = sleepingChild()
      try await withLoop { loop in
        let process = try ProcessHandle(processID: child.processID)
        let source = try EventSource(process.descriptor, on: loop)
        await #expect(throws: IPCError.deadlineExceeded(operation: "read")) {
          try await source.readable(deadline: .after(.milliseconds(1)))
        }
        child.kill()
        try await source.readable(deadline: .after(soon))
        let again = ProcessHandle(source.detach())
        #expect(again.reap() == .signaled(SIGKILL))
      }
    }
  }

  @Test(arguments: [0, -1]) func numbersOfNobodyAreRefused(number: Int32) {
    let ended = systemFailure { _ = try ProcessHandle(processID: number) }
    #expect(ended?.description == "pidfd_open process \(number): Invalid argument")
  }

  @Test func wrongSignalAndWhatIsNoProcess() throws {
    let process = try ProcessHandle(processID: getpid())
    #expect(systemFailure { try process.signal(1000) }?.errno == EINVAL)
    let file = ProcessHandle(try openFile("/dev/null", O_RDWR))
    #expect(systemFailure { try file.signal(0) }?.errno == EBADF)
  }

  @Test func withoutRoomLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        try quiet.expectNothingLeftOpen(needing: 1) { _ = try ProcessHandle(processID: getpid()) }
      }
    }
  }
}

private let soon = Duration.seconds(60)
private let expired = IPCError.deadlineExceeded(operation: "wait")

/// A child that lives until a signal ends it.
private func sleepingChild() -> ForkedChild {
  ForkedChild {
    while true { pause() }
  }
}
