// A connection is shared with a task on another thread: two threads would use one buffer and one loop without a lock.
import IPCKit

func answer(_ connection: consuming Connection) async throws {
  Task.detached {  // expect: risks causing data races
    try await connection.write([10])  // expect-note: closure captures 'connection'
  }
  try await connection.write([10])
}
