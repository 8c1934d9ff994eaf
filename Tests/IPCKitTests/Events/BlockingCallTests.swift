// Calls that block have a thread of their own: their value comes back, the loop goes on meanwhile, and no cancellation loses
// the result.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct BlockingCallTests {
  @Test func valueComesBackFromAnotherThread() async throws {
    try await withLoop { loop in
      for number in 0..<100 {
        let (value, wasOnLoop) = try await loop.blocking { (number, loop.isCurrent) }
        #expect(value == number)
        #expect(!wasOnLoop)
        #expect(loop.isCurrent)
      }
      let failed = try await loop.blocking { Result { throw HandlerFailed() } }
      #expect(throws: HandlerFailed.self) { try failed.get() }
    }
  }

  @Test func otherTasksGoOnMeanwhile() async throws {
    try await withLoop { loop in
      let (mayReturn, steps) = (Flag(), Counter())
      // Returns only when the other task has run many times.
      let other = Task.immediate(executorPreference: loop) {
        for _ in 0..<100 {
          await loop.sleep(until: .after(.microseconds(10)))
          steps.add(1)
        }
        mayReturn.set()
      }
      let seen = try await loop.blocking { () -> Int in
        try? mayReturn.wait()
        return steps.value
      }
      #expect(seen == 100)
      await other.value
    }
  }

  @Test func cancelledTaskStillGetsTheResult() async throws {
    try await withLoop { loop in
      let (hasBegun, mayReturn) = (Flag(), Flag())
      let task = Task.immediate(executorPreference: loop) {
        let value = try await loop.blocking { () -> Int in
          hasBegun.set()
          try? mayReturn.wait()
          return 7
        }
        return (value, Task.isCancelled)
      }
      while !hasBegun.isSet { await Task.yield() }
      task.cancel()
      for _ in 0..<10 { await Task.yield() }
      mayReturn.set()
      let (value, wasCancelled) = try await task.value
      #expect(value == 7)
      #expect(wasCancelled)
      // And one that was cancelled before.
      let late = Task(executorPreference: loop) { try await loop.blocking { 8 } }
      late.cancel()
      #expect(try await late.value == 8)
    }
  }

  @Test func hundredAtOnceAllReturn() async throws {
    let sum = try await withLoop { loop in
      try await withThrowingTaskGroup { group in
        let (running, all) = (Counter(), Flag())
        for number in 0..<100 {
          group.addTask(executorPreference: loop) {
            // None returns before all of them run.
            try await loop.blocking { () -> Int in
              running.add(1)
              if running.value == 100 { all.set() }
              try? all.wait()
              return number
            }
          }
        }
        return try await group.reduce(0, +)
      }
    }
    #expect(sum == 4950)
  }

  @Test func itLeavesNoPlaceTaken() async throws {
    try await withLoop { loop in
      // More than a table that never gives a place back would stand: each sleep beside it still ends by itself.
      for _ in 0..<500 {
        async let slept: Void = loop.sleep(until: .after(.microseconds(50)))
        _ = try await loop.blocking { usleep(10) }
        await slept
      }
    }
  }
  @Test func whatItCapturedHasEndedWhenItReturns() async throws {
    try await withLoop { loop in
      for _ in 0..<500 {
        let witness = try await Self.call(on: loop)
        #expect(witness.object == nil)
      }
    }
  }

  /// Makes a call that captures an object, of which this keeps nothing.
  nonisolated(nonsending) private static func call(on loop: EventLoop) async throws -> Witness {
    let object = Captured()
    let witness = Witness(object)
    try await loop.blocking { withExtendedLifetime(object) {} }
    return witness
  }
}

private final class Captured: Sendable {}

/// Knows whether an object is there still.
private final class Witness: @unchecked Sendable {
  // One thread at a time uses it.
  weak var object: Captured?

  init(_ object: Captured) { self.object = object }
}
