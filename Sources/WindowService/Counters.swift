// What the daemon counts: for whoever asks how it is, and for its own end, which waits for answers on their way.

internal import IPCKit
internal import Synchronization

/// Counts of a running daemon.
final class Counters: Sendable {
  let start = ContinuousClock.now
  private let answering = Atomic<Int>(0)
  private let server = Mutex<ServerCounters?>(nil)

  /// How many connections there are; none before there is a server.
  var connections: Int { server.withLock { $0?.open ?? 0 } }

  func follow(_ counters: ServerCounters) { server.withLock { $0 = counters } }

  func answerBegan() { answering.add(1, ordering: .relaxed) }
  func answerEnded() { answering.subtract(1, ordering: .relaxed) }

  /// Returns when no answer is on its way any more, or after a second: a client that does not read gets none.
  func settle(on loop: EventLoop) async {
    let deadline = Deadline.after(.seconds(1))
    while answering.load(ordering: .relaxed) > 0, !deadline.hasPassed {
      await loop.sleep(until: .after(.milliseconds(5)))
    }
  }
}
