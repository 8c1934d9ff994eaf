// IPCKit's loop beside the executors that a daemon has already.

import Dispatch
import IPCKit

/// Runs `body` on an event loop that has a thread of its own for as long as that takes.
///
/// The task stays what it is: it is cancelled, shuts down and has its values as before. Only its code, that of its child
/// tasks included, runs on the loop until this returns. `@concurrent` is what takes it there: a function without it stays
/// where its caller is.
func withEventLoop<Outcome: Sendable>(_ body: @concurrent (EventLoop) async throws -> Outcome) async throws -> Outcome {
  let loop = try EventLoop()
  let (end, ending) = AsyncStream<Void>.makeStream()
  // A queue that targets no other has a thread to itself: none of those that the daemon's tasks share.
  DispatchQueue(label: "event loop").async {
    loop.run { for await _ in end {} }
  }
  defer { ending.finish() }
  return try await withTaskExecutorPreference(loop) { try await body(loop) }
}
