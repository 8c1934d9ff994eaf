// A connection is written to after it was finished: the bytes would go to whoever got the number since.
import IPCKit

func answer(_ connection: consuming Connection) async throws {  // expect: 'connection' used after consume
  connection.finish(deadline: .after(.seconds(1)))  // expect-note: consumed here
  try await connection.write([10])  // expect-note: used here
}
