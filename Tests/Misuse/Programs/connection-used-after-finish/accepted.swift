// Finishing comes last.
import IPCKit

func answer(_ connection: consuming Connection) async throws {
  try await connection.write([10])
  connection.finish(deadline: .after(.seconds(1)))
}
