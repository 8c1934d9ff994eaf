// An echo service that systemd starts for its first client: it takes the socket that is there already, gives every line
// back to whoever sent it, and ends when nobody has come for a while.

import Glibc
import IPCKit

/// Serves the clients of the socket that systemd calls `echo`, until there have been none for half a minute.
func serve(on loop: EventLoop) async throws(SystemError) {
  var activation = try SocketActivation.take()
  guard let listener = try activation.takeListener(named: "echo") else {
    throw SystemError(errno: ENOTSOCK, operation: "take the socket 'echo' from systemd")
  }
  var limits = ServerLimits()
  limits.frameLength = 64 << 10
  limits.idleExit = .seconds(30)
  // Who may connect is the socket unit's to say.
  let server = Server(listener, on: loop, admitting: .anyone, limits: limits)
  try ServiceManager().notify(.ready)
  try await server.run(
    replying: ReplyHandler { line, reply in
      reply.writeLine(line)
    })
}

let loop = try EventLoop()
let failure = loop.run { () async -> SystemError? in
  do throws(SystemError) {
    try await serve(on: loop)
    return nil
  } catch {
    return error
  }
}
if let failure {
  print("echo-service: \(failure)")
  exit(1)
}
