// A listener is closed after a server took it over: the socket would be closed, and its path removed, by two owners.
import IPCKit

func serve(_ listener: consuming UnixListener, on loop: EventLoop) async throws {  // expect: 'listener' consumed more
  let server = Server(listener, on: loop)  // expect-note: consumed here
  try await server.run { connection in try await connection.write([10]) }
  try listener.close()  // expect-note: consumed again here
}
