// A connection's line is kept while the next one is awaited: its buffer would hold other bytes by then.
import IPCKit

func countTwo(_ connection: consuming Connection) async throws -> Int {
  let first = try await connection.nextLine()  // expect: overlapping accesses to 'connection'
  let second = try await connection.nextLine()  // expect-note: conflicting access is here
  return (first?.byteCount ?? 0) + (second?.byteCount ?? 0)
}
