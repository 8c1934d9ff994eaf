// When a timer expires and when it does not: never early, once or for ever, and not at all when it was cleared.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct KernelTimerTests {
  private static let soon = Duration.seconds(60)
  private static let expired = IPCError.deadlineExceeded(operation: "read")

  @Test func descriptorIsCloseOnExecAndNonBlocking() throws {
    let timer = try KernelTimer()
    #expect(try timer.descriptor.isCloseOnExec)
    #expect(try timer.descriptor.isNonBlocking)
    #expect(try timer.take() == nil)
  }

  @Test func expiresOnceAndNotEarly() throws {
    let timer = try KernelTimer()
    let deadline = Deadline.after(.milliseconds(20))
    try timer.set(at: deadline)
    #expect(try timer.next(deadline: .after(Self.soon)) == 1)
    #expect(deadline.hasPassed)
    #expect(ipcFailure { _ = try timer.next(deadline: .after(.milliseconds(5))) } == Self.expired)
    let second = Deadline.after(.milliseconds(20))
    try timer.set(after: .milliseconds(20))
    #expect(try timer.next(deadline: .after(Self.soon)) == 1)
    #expect(second.hasPassed)
  }

  @Test(arguments: [.zero, .seconds(-1), .nanoseconds(1), .seconds(Int64.min)] as [Duration])
  func whatHasPassedExpiresAtOnce(duration: Duration) throws {
    let timer = try KernelTimer()
    try timer.set(after: duration)
    #expect(try timer.next(deadline: .after(Self.soon)) == 1)
    try timer.set(at: .after(duration))
    #expect(try timer.next(deadline: .after(Self.soon)) == 1)
  }

  @Test func repeatsUntilItIsClearedAndCountsWhatWasMissed() throws {
    let timer = try KernelTimer()
    let deadline = Deadline.after(.milliseconds(10))
    try timer.repeat(every: .milliseconds(2))
    var count: UInt64 = 0
    while count < 5 { count += try timer.next(deadline: .after(Self.soon)) }
    // Five times two.
    #expect(deadline.hasPassed)
    try timer.repeat(every: .milliseconds(1))
    let later = Deadline.after(.milliseconds(20))
    while !later.hasPassed {}
    #expect(try timer.take() ?? 0 >= 19)
    try timer.repeat(every: .milliseconds(1))
    try timer.clear()
    #expect(ipcFailure { _ = try timer.next(deadline: .after(.milliseconds(5))) } == Self.expired)
  }

  @Test func settingForgetsWhatWasBefore() throws {
    let timer = try KernelTimer()
    try timer.repeat(every: .nanoseconds(1))
    try timer.set(at: .never)
    #expect(ipcFailure { _ = try timer.next(deadline: .after(.milliseconds(5))) } == Self.expired)
    try timer.set(after: .seconds(1000))
    try timer.set(after: .zero)
    #expect(try timer.next(deadline: .after(Self.soon)) == 1)
  }

  @Test(arguments: [.seconds(Int64.max), .seconds(9_000_000_000)] as [Duration])
  func farFutureDoesNotExpire(duration: Duration) throws {
    let timer = try KernelTimer()
    try timer.set(after: duration)
    #expect(try timer.take() == nil)
    try timer.repeat(every: duration)
    #expect(try timer.take() == nil)
  }

  @Test func shortestTimeRepeats() throws {
    let timer = try KernelTimer()
    try timer.repeat(every: .nanoseconds(1) / 1000)
    #expect(try timer.next(deadline: .after(Self.soon)) >= 1)
    #expect(try timer.next(deadline: .after(Self.soon)) >= 1)
  }

  @Test func expirationIsAnEventOfALoop() async throws {
    try await withLoop { loop in
      let timer = try KernelTimer()
      try timer.repeat(every: .milliseconds(1))
      let source = try EventSource(timer.descriptor, on: loop)
      var count: UInt64 = 0
      while count < 3 {
        try await source.readable(deadline: .after(Self.soon))
        count += try source.descriptor.takeCount() ?? 0
      }
    }
  }

  @Test(arguments: [Duration.zero, .seconds(-1)]) func noTimeAtAllTraps(duration: Duration) async {
    await #expect(processExitsWith: .failure) { [duration = duration as Duration] in
      try KernelTimer().repeat(every: duration)
    }
  }

  @Test func withoutRoomLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        try quiet.expectNothingLeftOpen(needing: 1) { _ = try KernelTimer() }
      }
    }
  }
}
