// An echo service that systemd starts for its first client: it takes the socket that is there already, gives every line
// back to whoever sent it, and ends when nobody has come for a while, or when it is told to. The units beside this file
// let it do nothing else. To try it without them:
//
//   systemd-socket-activate --listen=/tmp/echo.sock --fdname=echo echo-service &
//   line-client --socket /tmp/echo.sock hello

import Glibc
import IPCKit

/// Serves the clients of the socket that systemd calls `echo`, until there have been none for half a minute.
func serve(on loop: EventLoop) async throws {
  var activation = try SocketActivation.take()
  guard let listener = try activation.takeListener(named: "echo") else {
    throw SystemError(errno: ENOTSOCK, operation: "take the socket 'echo' from systemd")
  }
  var limits = ServerLimits()
  limits.frameLength = 64 << 10
  limits.idleExit = .seconds(30)
  let stop = ServerStop()
  // Who may connect is the socket unit's to say.
  let server = Server(listener, on: loop, admitting: .anyone, limits: limits, stop: stop)

  // A stop is no end in the middle of a line: nobody new is let in, and who has begun one still hears it.
  let signals = try SignalSource([SIGTERM, SIGINT], on: loop)
  let listening = Task(executorPreference: loop) {
    // A service that cannot hear of a signal any more could not be stopped: it stops then.
    defer { stop.stop(deadline: .after(.seconds(5))) }
    _ = try await signals.next()
  }
  defer { listening.cancel() }

  try ServiceManager().notify(.ready)
  try await server.run(
    replying: ReplyHandler { line, reply in
      reply.writeLine(line)
    })
  if stop.isStopped { try await listening.value }
}

do {
  let loop = try EventLoop()
  try loop.run { try await serve(on: loop) }
} catch {
  print("echo-service: \(error)")
  exit(1)
}
