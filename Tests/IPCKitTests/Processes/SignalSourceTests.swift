// Signals that arrive as something to await. They are the whole process's, so each test has one of its own.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct SignalSourceTests {
  @Test func signalsArriveOneByOne() async {
    await #expect(processExitsWith: .success) {
      try await withLoop { loop in
        let signals = try SignalSource([SIGUSR1, SIGUSR2], on: loop)
        pthread_kill(pthread_self(), SIGUSR2)
        let next = try await signals.next(deadline: .after(.seconds(60)))
        #expect(next == SIGUSR2)
        pthread_kill(pthread_self(), SIGUSR1)
        pthread_kill(pthread_self(), SIGUSR2)
        let both = [try await signals.next(), try await signals.next()]
        #expect(both.sorted() == [SIGUSR1, SIGUSR2].sorted())
      }
    }
  }

  @Test func signalDuringTheWaitEndsIt() async {
    await #expect(processExitsWith: .success) {
      try await withLoop { loop in
        let signals = try SignalSource([SIGUSR1], on: loop)
        let thread = pthread_self()
        Task(executorPreference: loop) {
          await loop.sleep(until: .after(.milliseconds(5)))
          pthread_kill(thread, SIGUSR1)
        }
        let next = try await signals.next(deadline: .after(.seconds(60)))
        #expect(next == SIGUSR1)
      }
    }
  }

  @Test func noSignalEndsAtTheDeadline() async {
    await #expect(processExitsWith: .success) {
      try await withLoop { loop in
        let signals = try SignalSource([SIGUSR1], on: loop)
        await #expect(throws: IPCError.deadlineExceeded(operation: "read")) {
          _ = try await signals.next(deadline: .after(.milliseconds(5)))
        }
      }
    }
  }

  @Test func signalsStayBlockedAfterTheSourceHasEnded() async {
    await #expect(processExitsWith: .success) {
      try await withLoop { loop in
        func makeAndEnd() throws { _ = try SignalSource([SIGUSR1], on: loop) }
        try makeAndEnd()
        pthread_kill(pthread_self(), SIGUSR1)
        #expect(isSignalPending(SIGUSR1))
      }
    }
  }

  @Test func whatIsNoSignalIsRefused() async {
    await #expect(processExitsWith: .success) {
      try await withLoop { loop in
        for numbers in [[0], [-1], [1000]] as [[Int32]] {
          let ended = systemFailure { _ = try SignalSource(numbers, on: loop) }
          #expect(ended?.errno == EINVAL, "\(numbers): \(String(describing: ended))")
        }
      }
    }
  }

  @Test func withoutRoomLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let loop = try EventLoop()
        loop.run {
          try? quiet.expectNothingLeftOpen(needing: 1) { _ = try SignalSource([SIGUSR1], on: loop) }
        }
      }
    }
  }
}
