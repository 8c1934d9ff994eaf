// The loop as its tasks see it: they stay on its thread, wake in order, and nobody shuts the others out.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct EventLoopTests {
  @Test func runReturnsWhatItsBodyReturns() async throws {
    let value = try await onOwnThread {
      try EventLoop().run { 42 }
    }
    #expect(value == 42)
  }

  @Test func runThrowsWhatItsBodyThrows() async throws {
    let errnos = try await onOwnThread { () -> [Int32] in
      let loop = try EventLoop()
      var errnos: [Int32] = []
      for expected in [ENOENT, EPERM] {
        do throws(SystemError) {
          try loop.run { () async throws(SystemError) in
            await loop.sleep(until: .after(.milliseconds(1)))
            throw SystemError(errno: expected, operation: "try")
          }
        } catch { errnos.append(error.errno) }
      }
      return errnos
    }
    #expect(errnos == [ENOENT, EPERM])
  }

  @Test func runReturnsAfterASleepAsItsLastStep() async throws {
    let value = try await onOwnThread {
      let loop = try EventLoop()
      return loop.run { () -> Int in
        await loop.sleep(until: .after(.milliseconds(1)))
        return 43
      }
    }
    #expect(value == 43)
  }

  @Test func loopRunsAgainAndGoesOnWithWhatWasLeft() async throws {
    let steps = try await onOwnThread { () -> [Int] in
      let (loop, log, done) = (try EventLoop(), Log<Int>(), Flag())
      loop.run {
        Task(executorPreference: loop) {
          log.append(1)
          await loop.sleep(until: .after(.milliseconds(1)))
          log.append(3)
          done.set()
        }
        await Task.yield()
      }
      log.append(2)
      loop.run { while !done.isSet { await Task.yield() } }
      return log.entries
    }
    #expect(steps == [1, 2, 3])
  }

  @Test func sleepersWakeInTheOrderOfTheirDeadlines() async throws {
    let order = try await withLoop { loop in
      let log = Log<Int>()
      let start = Deadline.after(.milliseconds(60))
      await withTaskGroup { group in
        for index in [5, 3, 9, 1, 7, 0, 2, 8, 6, 4] {
          group.addTask(executorPreference: loop) {
            await loop.sleep(until: Deadline(nanoseconds: start.nanoseconds + Int64(index) * 1_000_000))
            log.append(index)
          }
        }
      }
      return log.entries
    }
    #expect(order == Array(0..<10))
  }

  @Test func passedDeadlineDoesNotSleep() async throws {
    try await withLoop { loop in
      await loop.sleep(until: .after(.seconds(-1)))
      await loop.sleep(until: .after(.zero))
    }
  }

  @Test func sleepDoesNotEndEarlyNorBurnTheProcessor() async throws {
    let (slept, used) = try await withLoop { loop in
      let (begun, used) = (ContinuousClock.now, threadProcessorTime())
      await loop.sleep(until: .after(.milliseconds(100)))
      return (ContinuousClock.now - begun, threadProcessorTime() - used)
    }
    #expect(slept >= .milliseconds(100))
    #expect(used < 0.05)
  }

  @Test func cancellationFromAnotherThreadEndsASleep() async throws {
    try await withLoop { loop in
      for _ in 0..<200 {
        let sleeper = Task(executorPreference: loop) { await loop.sleep(until: .never) }
        startDetachedThread { sleeper.cancel() }
        await sleeper.value
      }
    }
  }

  @Test func cancellationFromTheLoopEndsASleep() async throws {
    try await withLoop { loop in
      for yields in 0..<4 {
        let sleeper = Task(executorPreference: loop) { await loop.sleep(until: .never) }
        for _ in 0..<yields { await Task.yield() }
        sleeper.cancel()
        await sleeper.value
      }
    }
  }

  @Test func cancelledTaskDoesNotSleepAtAll() async throws {
    try await withLoop { loop in
      let sleeper = Task(executorPreference: loop) {
        while !Task.isCancelled { await Task.yield() }
        await loop.sleep(until: .never)
      }
      sleeper.cancel()
      await sleeper.value
    }
  }

  @Test func otherThreadsWakeTheLoop() async throws {
    let sum = try await withLoop { loop in
      await withTaskGroup { group in
        for number in 0..<500 {
          group.addTask(executorPreference: loop) {
            await withCheckedContinuation { continuation in
              startDetachedThread { continuation.resume(returning: number) }
            }
          }
        }
        return await group.reduce(0, +)
      }
    }
    #expect(sum == 500 * 499 / 2)
  }

  @Test func tasksAndTheirChildrenStayOnTheLoopsThread() async throws {
    try await withLoop { loop in
      #expect(loop.isCurrent)
      await Task.detached {}.value
      #expect(loop.isCurrent)
      async let child = loop.isCurrent
      #expect(await child)
      await withTaskGroup { group in
        group.addTask { #expect(loop.isCurrent) }
      }
      #expect(loop.isCurrent)
      let elsewhere = await Task.detached(executorPreference: ThreadForEachJob.shared) { loop.isCurrent }.value
      #expect(!elsewhere)
    }
  }

  @Test func actorsOnTheLoopRunOnItsThread() async throws {
    try await withLoop { loop in
      let actor = OnLoop(loop)
      #expect(await actor.isOnLoop)
      let fromElsewhere = await Task.detached { await actor.isOnLoop }.value
      #expect(fromElsewhere)
    }
  }

  @Test func taskThatYieldsForEverStarvesNeitherTimersNorDescriptors() async throws {
    try await withLoop { loop in
      let done = Flag()
      let busy = Task(executorPreference: loop) {
        while !done.isSet { await Task.yield() }
      }
      await loop.sleep(until: .after(.milliseconds(2)))
      let pipe = try Pipe(nonBlocking: true)
      let source = try EventSource(pipe.reading.duplicate(), on: loop)
      try pipe.writing.writeAll("x")
      try await source.readable(deadline: .after(.seconds(60)))
      done.set()
      await busy.value
    }
  }

  @Test func useFromElsewhereTraps() async {
    await #expect(processExitsWith: .failure) {
      await (try EventLoop()).sleep(until: .after(.zero))
    }
    await #expect(processExitsWith: .failure) {
      _ = try EventSource(Pipe().intoReading(), on: EventLoop())
    }
  }

  @Test func runInsideOfRunTraps() async {
    await #expect(processExitsWith: .failure) {
      let loop = try EventLoop()
      loop.run { loop.run {} }
    }
  }

  @Test func withoutRoomLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        punchHoles()
        try quiet.expectNothingLeftOpen(needing: 2) { _ = try EventLoop() }
        try quiet.expectNothingLeftOpen {
          let loop = try EventLoop()
          loop.run { await loop.sleep(until: .after(.milliseconds(1))) }
        }
      }
    }
  }

  private actor OnLoop {
    private let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.serialExecutor.asUnownedSerialExecutor() }

    init(_ loop: EventLoop) { self.loop = loop }

    var isOnLoop: Bool { loop.isCurrent }
  }
}
