// What is needed of the view is taken before the connection is read from again; writing beside it is fine.
import IPCKit

func countTwo(_ connection: consuming Connection) async throws -> Int {
  var input = connection.input
  var first = 0
  if let line = try await input.nextLine() {
    try await connection.writeLine(line)
    first = line.byteCount
  }
  let second = try await connection.nextLine()?.byteCount ?? 0
  return first + second
}
