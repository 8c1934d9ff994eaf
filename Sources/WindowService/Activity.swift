// That something has changed, and when: for the line that the service manager shows, and for a daemon that ends when nothing
// does any more.

internal import IPCKit
internal import Synchronization

/// What happens in a daemon, without saying what.
final class Activity: Sendable {
  private let lastChange = Atomic<Int64>(Deadline.after(.zero).nanoseconds)
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

  /// When something changed last.
  var last: Deadline { Deadline(nanoseconds: lastChange.load(ordering: .relaxed)) }

  /// Something has changed.
  func note() {
    lastChange.store(Deadline.after(.zero).nanoseconds, ordering: .relaxed)
    continuation.yield()
  }

  /// One element for however many changes there were since it was asked last; for one task.
  var changes: AsyncStream<Void> { stream }
}
