// An event source is shared with a task on another thread: two threads would change one loop's state without a lock.
import IPCKit

func waitTwice(for source: consuming EventSource) async throws {
  Task.detached {  // expect: risks causing data races
    try await source.readable()  // expect-note: closure captures 'source'
  }
  try await source.readable()
}
