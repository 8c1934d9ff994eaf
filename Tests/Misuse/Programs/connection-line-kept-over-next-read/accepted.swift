// What is needed of the first line is taken before the second is awaited.
import IPCKit

func countTwo(_ connection: consuming Connection) async throws -> Int {
  let first = try await connection.nextLine()?.byteCount ?? 0
  let second = try await connection.nextLine()?.byteCount ?? 0
  return first + second
}
