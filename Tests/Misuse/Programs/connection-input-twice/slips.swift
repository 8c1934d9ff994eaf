// Two inputs of one connection: the second read changes what the first one's view shows. Each borrows the connection, which
// may be borrowed twice; the first is refused at run time only when it is read from again.
import IPCKit

func countTwo(_ connection: consuming Connection) async throws -> Int {
  var first = connection.input
  var second = connection.input
  let line = try await first.nextLine()
  let other = try await second.nextLine()
  return (line?.byteCount ?? 0) + (other?.byteCount ?? 0)
}
