// The other task makes the answer, and the connection stays where it is.
import IPCKit

func answer(_ connection: consuming Connection) async throws {
  let reply = Task.detached { [10] as [UInt8] }
  try await connection.write(await reply.value)
}
