// One input, whose view ends before the next read.
import IPCKit

func countTwo(_ connection: consuming Connection) async throws -> Int {
  var input = connection.input
  let line = try await input.nextLine()?.byteCount ?? 0
  let other = try await input.nextLine()?.byteCount ?? 0
  return line + other
}
