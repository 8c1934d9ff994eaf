// That something has changed, and when: for the line that the service manager shows, and for a daemon that ends when nothing
// does any more.

internal import IPCKit
internal import Synchronization

/// What happens in a daemon, without saying what.
final class Activity: Sendable {
  private let lastChange = Atomic<Int64>(Deadline.after(.zero).nanoseconds)
  private let follower = Mutex<AsyncStream<Void>.Continuation?>(nil)

  /// When something changed last.
  var last: Deadline { Deadline(nanoseconds: lastChange.load(ordering: .relaxed)) }

  /// Something has changed.
  func note() {
    lastChange.store(Deadline.after(.zero).nanoseconds, ordering: .relaxed)
    _ = follower.withLock { $0?.yield() }
  }

  /// From now on, one element for however many changes there were since it was asked last; for the last who has asked for
  /// them. A task that is cancelled ends its own.
  func changes() -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    follower.withLock { $0 = continuation }
    return stream
  }
}
