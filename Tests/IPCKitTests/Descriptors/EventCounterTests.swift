// A counter's arithmetic, its waits, and its descriptor on a loop.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct EventCounterTests {
  @Test func descriptorIsCloseOnExecAndNonBlocking() throws {
    let counter = try EventCounter()
    #expect(try counter.descriptor.isCloseOnExec)
    #expect(try counter.descriptor.isNonBlocking)
  }

  @Test func allThatWasAddedIsTakenAtOnce() throws {
    let counter = try EventCounter(initial: 2)
    try counter.add(3)
    try counter.add(0)
    #expect(try counter.take() == 5)
    #expect(try counter.take() == nil)
    try counter.add(.max - 1)
    #expect(systemFailure { try counter.add(1) }?.errno == EAGAIN)
    #expect(systemFailure { try counter.add(.max) }?.errno == EINVAL)
    #expect(try counter.take() == .max - 1)
  }

  @Test func oneIsTakenAtATime() throws {
    let counter = try EventCounter(initial: 1, taking: .one)
    try counter.add(2)
    for _ in 0..<3 { #expect(try counter.next(deadline: .after(.zero)) == 1) }
    #expect(try counter.take() == nil)
  }

  @Test func anotherThreadEndsTheWait() throws {
    let counter = try Shared(EventCounter())
    #expect(ipcFailure { _ = try counter.value.next(deadline: .after(.zero)) } == .deadlineExceeded(operation: "read"))
    let thread = RunningThread { try counter.value.next(deadline: .after(.seconds(60))) }
    try counter.value.add(7)
    #expect(try thread.join() == 7)
  }

  @Test func countIsAnEventOfALoop() async throws {
    try await withLoop { loop in
      let counter = try EventCounter()
      let source = try EventSource(counter.descriptor, on: loop)
      let early = try source.descriptor.takeCount()
      #expect(early == nil)
      for amount in 1...3 as ClosedRange<UInt64> {
        try source.descriptor.addCount(amount)
        try await source.readable(deadline: .after(.seconds(60)))
        let taken = try source.descriptor.takeCount()
        #expect(taken == amount)
      }
    }
  }

  @Test func whatIsNoCounterIsRefused() throws {
    let pipe = try Pipe(nonBlocking: true)
    #expect(systemFailure { _ = try pipe.writing.takeCount() }?.errno == EBADF)
    #expect(systemFailure { try pipe.reading.addCount(1) }?.errno == EBADF)
  }

  @Test func withoutRoomLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        try quiet.expectNothingLeftOpen(needing: 1) { _ = try EventCounter() }
      }
    }
  }

  /// For a thread beside this one.
  private final class Shared: Sendable {
    let value: EventCounter
    init(_ value: consuming EventCounter) { self.value = value }
  }
}
