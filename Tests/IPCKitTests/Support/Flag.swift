// Small things that tasks and threads tell each other.

import Glibc
import IPCKit

/// Set once; whoever waits for it is let through.
final class Flag: Sendable {
  private let state = Lock(false)

  var isSet: Bool { state.withLock { $0 } }

  func set() { state.withLock { $0 = true } }

  /// Blocks until it is set.
  func wait() throws {
    let deadline = Deadline.after(.seconds(60))
    while !isSet {
      if deadline.hasPassed { throw IPCError.deadlineExceeded(operation: "wait for a flag") }
      usleep(500)
    }
  }
}

/// What happened, in order.
final class Log<Entry: Sendable>: Sendable {
  private let state = Lock<[Entry]>([])

  var entries: [Entry] { state.withLock { $0 } }

  func append(_ entry: Entry) { state.withLock { $0.append(entry) } }
}

/// A number that only grows.
final class Counter: Sendable {
  private let state = Lock(0)

  var value: Int { state.withLock { $0 } }

  func add(_ amount: Int) { state.withLock { $0 += amount } }
}
