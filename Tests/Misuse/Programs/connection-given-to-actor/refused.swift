// A handler gives its connection to an actor, which runs on other threads than the loop that the connection belongs to.
import IPCKit

actor Chat {
  private var latest: Connection?
  func join(_ connection: consuming Connection) { latest = consume connection }
}

func serve(_ server: consuming Server, for chat: Chat) async throws {
  try await server.run { connection in
    await chat.join(connection)  // expect: sending 'connection' risks causing data races
  }
}
