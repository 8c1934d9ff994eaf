// The server closes the listener and removes its path.
import IPCKit

func serve(_ listener: consuming UnixListener, on loop: EventLoop) async throws {
  let server = Server(listener, on: loop)
  try await server.run { connection in try await connection.write([10]) }
}
