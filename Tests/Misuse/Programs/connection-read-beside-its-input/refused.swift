// A connection is read from while a view of its input is still looked at: the view would show what came later.
import IPCKit

func countTwo(_ connection: consuming Connection) async throws -> Int {
  var input = connection.input
  let first = try await input.nextLine()
  let second = try await connection.nextLine()?.byteCount ?? 0  // expect: overlapping accesses to 'connection'
  return (first?.byteCount ?? 0) + second
}
