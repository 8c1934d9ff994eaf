// The table of waits and its heap, through what they are for: thousands of sleeps, many of them cut short.

import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct WaitersTests {
  @Test(arguments: 0..<3) func thousandsOfSleepsWakeInOrderWhileOthersAreCancelled(seed: Int) async throws {
    let (woken, cancelled) = try await withLoop { loop in
      var generator = SeededGenerator(seed: UInt64(seed))
      let (woken, cancelled) = (Log<Int64>(), Log<Int>())
      let start = Deadline.after(.milliseconds(50)).nanoseconds
      var tasks: [Task<Void, Never>] = []
      for index in 0..<4000 {
        // Few enough moments that many share one.
        let deadline = Deadline(nanoseconds: start + Int64.random(in: 0..<200, using: &generator) * 100_000)
        tasks.append(
          Task(executorPreference: loop) {
            await loop.sleep(until: deadline)
            if Task.isCancelled { cancelled.append(index) } else { woken.append(deadline.nanoseconds) }
          })
      }
      await Task.yield()
      for (index, task) in tasks.enumerated() where index.isMultiple(of: 3) { task.cancel() }
      for task in tasks { await task.value }
      return (woken.entries, cancelled.entries)
    }
    #expect(woken == woken.sorted())
    #expect(cancelled == Array(stride(from: 0, to: 4000, by: 3)))
    #expect(woken.count + cancelled.count == 4000)
  }

  @Test func cancellationThatCrossesTheEndOfItsWaitHitsNobodyElse() async throws {
    let counts = try await withLoop { loop in
      let ended = Log<Bool>()
      for _ in 0..<300 {
        // Ends by itself at about the moment when another thread cancels it; its place is then another's.
        let short = Task(executorPreference: loop) { await loop.sleep(until: .after(.microseconds(100))) }
        startDetachedThread { short.cancel() }
        await short.value
        let deadline = Deadline.after(.microseconds(50))
        await loop.sleep(until: deadline)
        ended.append(deadline.hasPassed)
      }
      return ended.entries
    }
    #expect(counts == Array(repeating: true, count: 300))
  }

  @Test func deadlineOfAnEndedWaitDoesNotWakeTheNext() async throws {
    try await withLoop { loop in
      let pipe = try Pipe(nonBlocking: true)
      let source = try EventSource(pipe.reading, on: loop)
      for _ in 0..<50 {
        try pipe.writing.writeAll("x")
        try await source.readable(deadline: .after(.milliseconds(1)))
        #expect(try readOnce(source.descriptor, 9) == Array("x".utf8))
      }
      let deadline = Deadline.after(.milliseconds(60))
      await #expect(throws: IPCError.deadlineExceeded(operation: "read")) {
        while true { try await source.readable(deadline: deadline) }
      }
      #expect(deadline.hasPassed)
    }
  }
}
