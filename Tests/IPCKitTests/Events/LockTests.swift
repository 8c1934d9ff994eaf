// The lock between threads: one at a time, whether it throws or not; and, where ThreadSanitizer looks, in its sight.

import IPCKit
import Testing

@Suite(.timeLimit(.minutes(5))) struct LockTests {
  @Test func nothingIsLostThoughManyWantItAtOnce() throws {
    let lock = Lock(0)
    let threads = (0..<4).map { _ in RunningThread { for _ in 0..<20_000 { lock.withLock { $0 += 1 } } } }
    for thread in threads { try thread.join() }
    #expect(lock.withLock { $0 } == 80_000)
  }

  @Test func bodyThatThrowsGivesItBack() {
    let lock = Lock(["kept"])
    #expect(throws: HandlerFailed.self) {
      try lock.withLock { (_: inout [String]) throws in throw HandlerFailed() }
    }
    #expect(lock.withLock { $0 } == ["kept"])
  }

  @Test func valueEndsWithIt() {
    final class Held: Sendable {}
    var lock: Lock<Held>? = Lock(Held())
    weak var held: Held?
    held = lock?.withLock { $0 }
    #expect(held != nil)
    lock = nil
    #expect(held == nil)
  }
}
