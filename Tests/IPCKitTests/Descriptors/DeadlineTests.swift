// Deadlines at the edges of what a number holds.

import IPCKit
import Testing

@Suite struct DeadlineTests {
  @Test func neverIsNotOver() {
    #expect(!Deadline.never.hasPassed)
    #expect(Deadline.never.remainingNanoseconds == -1)
    #expect(Deadline.after(.seconds(3600)) < .never)
  }

  @Test(arguments: [Duration.zero, .nanoseconds(-1), .seconds(-3600)])
  func zeroAndLessIsOver(duration: Duration) {
    let deadline = Deadline.after(duration)
    #expect(deadline.hasPassed)
    #expect(deadline.remainingNanoseconds == 0)
  }

  @Test func futureIsNotOver() {
    let deadline = Deadline.after(.seconds(3600))
    #expect(!deadline.hasPassed)
    #expect(deadline.remainingNanoseconds > 3_500_000_000_000)
    #expect(deadline.remainingNanoseconds <= 3_600_000_000_000)
  }

  @Test func keepsNanoseconds() {
    let now = Deadline.after(.zero)
    let later = Deadline.after(.seconds(1000) + .nanoseconds(1))
    #expect(later.nanoseconds - now.nanoseconds >= 1_000_000_000_001)
  }

  @Test(arguments: [
    Duration.seconds(9_223_372_035), .seconds(9_223_372_036) + .milliseconds(854), .seconds(9_223_372_036.9),
    .seconds(9_223_372_037), .seconds(Int64.max),
  ])
  func beyondTheClockIsNever(duration: Duration) {
    #expect(Deadline.after(duration) == .never)
  }

  @Test(arguments: [
    Duration.seconds(-9_223_372_035), .seconds(-9_223_372_036) - .milliseconds(854), .seconds(-9_223_372_036.9),
    .seconds(-9_223_372_037), .seconds(Int64.min),
  ])
  func beforeTheClockIsOver(duration: Duration) {
    let deadline = Deadline.after(duration)
    #expect(deadline.hasPassed)
    #expect(deadline.remainingNanoseconds == 0)
  }

  @Test func ordersByTime() {
    let sorted = [Deadline.never, .after(.seconds(2)), .after(.seconds(1))].sorted()
    #expect(sorted[0] < sorted[1])
    #expect(sorted.last == .never)
  }
}
