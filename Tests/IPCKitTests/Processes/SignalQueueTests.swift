// Signals out of a descriptor, with their senders. They are the whole process's, so each test has one of its own.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct SignalQueueTests {
  @Test func descriptorIsCloseOnExecAndNonBlocking() async {
    await #expect(processExitsWith: .success) {
      let signals = try SignalQueue([SIGUSR1])
      let flags = (try signals.descriptor.isCloseOnExec, try signals.descriptor.isNonBlocking)
      #expect(flags == (true, true))
    }
  }

  @Test func senderIsTold() async {
    await #expect(processExitsWith: .success) {
      let signals = try SignalQueue([SIGUSR1, SIGUSR2])
      let nothing = try signals.take()
      #expect(nothing == nil)
      pthread_kill(pthread_self(), SIGUSR2)
      let own = try signals.take()
      #expect(own?.number == SIGUSR2 && own?.processID == getpid() && own?.userID == getuid())
      #expect(own?.childStatus == nil)
    }
  }

  /// How a child ends, or does not.
  enum End: String, CaseIterable, Codable { case exit, kill, stop }

  @Test(arguments: End.allCases) func endOfAChildIsTold(end: End) async {
    await #expect(processExitsWith: .success) { [end] in
      // One thread, so that what is sent to the process is this one's to read.
      try inQuietProcess { quiet in
        let signals = try SignalQueue([SIGCHLD])
        let child = ForkedChild {
          switch end {
          case .exit: return 42
          case .kill: kill(getpid(), SIGKILL)
          case .stop: kill(getpid(), SIGSTOP)
          }
          return 0
        }
        let signal = try signals.next(deadline: .after(.seconds(60)))
        quiet.expect(signal.number, is: SIGCHLD)
        quiet.expect(signal.processID, is: child.processID)
        quiet.expect(signal.userID, is: getuid())
        let expected: [End: IPCKit.ExitStatus] = [.exit: .exited(42), .kill: .signaled(SIGKILL)]
        quiet.expect(signal.childStatus, is: expected[end])
        child.kill()
        _ = child.wait()
      }
    }
  }

  @Test func signalOfAnotherProcessIsTold() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let signals = try SignalQueue([SIGUSR1])
        let sender = ForkedChild { kill(getppid(), SIGUSR1) == 0 ? 0 : 1 }
        let signal = try signals.next(deadline: .after(.seconds(60)))
        quiet.expect(signal.number, is: SIGUSR1)
        quiet.expect(signal.processID, is: sender.processID)
        quiet.expect(sender.wait(), is: 0)
      }
    }
  }

  @Test func noSignalEndsAtTheDeadline() async {
    await #expect(processExitsWith: .success) {
      let signals = try SignalQueue([SIGUSR1])
      let ended = ipcFailure { _ = try signals.next(deadline: .after(.milliseconds(5))) }
      #expect(ended == .deadlineExceeded(operation: "read"))
    }
  }

  @Test func signalsAreAwaitedOnALoop() async {
    await #expect(processExitsWith: .success) {
      try await withLoop { loop in
        let signals = try SignalSource([SIGUSR1], on: loop)
        pthread_kill(pthread_self(), SIGUSR1)
        let signal = try await signals.nextSignal(deadline: .after(.seconds(60)))
        #expect(signal.number == SIGUSR1 && signal.processID == getpid())
        let queue = try SignalQueue([SIGUSR2])
        let source = try EventSource(queue.descriptor, on: loop)
        pthread_kill(pthread_self(), SIGUSR2)
        try await source.readable(deadline: .after(.seconds(60)))
        let taken = try source.descriptor.takeSignal()
        #expect(taken?.number == SIGUSR2)
      }
    }
  }

  @Test func noSignalsTrapAndWhatIsNoneIsRefused() async {
    await #expect(processExitsWith: .failure) { _ = try SignalQueue([]) }
    await #expect(processExitsWith: .success) {
      for numbers in [[0], [-1], [SIGUSR1, 1000]] as [[Int32]] {
        let ended = systemFailure { _ = try SignalQueue(numbers) }
        #expect(ended?.errno == EINVAL, "\(numbers)")
      }
    }
  }

  @Test func withoutRoomLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        try quiet.expectNothingLeftOpen(needing: 1) { _ = try SignalQueue([SIGUSR1]) }
      }
    }
  }
}
