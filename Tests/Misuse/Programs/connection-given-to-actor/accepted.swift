// The actor gets what was said, and the connection stays with its handler.
import IPCKit

actor Chat {
  private var latest: [UInt8]?
  func say(_ line: [UInt8]) { latest = line }
}

func serve(_ server: consuming Server, for chat: Chat) async throws {
  try await server.run { (connection: consuming Connection) in
    while let line = try await connection.nextLine(as: [UInt8].self) { await chat.say(line) }
  }
}
