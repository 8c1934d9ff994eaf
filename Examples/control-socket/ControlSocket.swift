// The socket as a service of the daemon: commands come in as lines, and each gets a line that begins with `ok` or `error`.

import IPCKit
import Logging
import ServiceLifecycle

/// Serves the daemon's operator: this user and root, nobody else.
struct ControlSocket: Service {
  let path: String
  let worker: Worker
  let level: SharedLogLevel
  let logger: Logger

  /// How long the last replies may take once the daemon is to end.
  private static let drainTime = Duration.seconds(5)

  /// Serves until the daemon shuts down or `stop` is said. When it returns, the socket's file is gone.
  ///
  /// When the task is cancelled, because another service has failed, the server ends at once by itself: it runs in this
  /// task, only elsewhere.
  func run() async throws {
    let stop = ServerStop()
    try await withGracefulShutdownHandler {
      try await EventLoop.withThread { loop in
        try await serve(on: loop, until: stop)
      }
    } onGracefulShutdown: {
      // Called on any thread; the server hears of it on its own.
      stop.stop(deadline: .after(Self.drainTime))
    }
  }

  private func serve(on loop: EventLoop, until stop: ServerStop) async throws {
    var limits = ServerLimits()
    limits.frameLength = 4096
    // The descriptors are the daemon's own work's: an operator needs a few.
    limits.connections = 16
    limits.connectionsPerUser = 16
    let server = Server(
      try UnixListener(binding: .path(path)), on: loop, limits: limits, stop: stop,
      observe: { logger.warning("control socket: \($0)") })
    logger.info("control socket at \(path)")
    try await server.run { (connection: consuming Connection) in
      while let line = try await connection.nextLine(as: String.self) {
        try await connection.writeLine(await answer(line, stop))
      }
    }
    logger.info("control socket closed")
  }

  /// Does what a line says.
  ///
  /// This runs on the loop, whose thread all connections share. `await` is the way to everything that is elsewhere: the
  /// connection waits meanwhile, the loop does not, and what comes after the await is on the loop again.
  private func answer(_ line: String, _ stop: ServerStop) async -> String {
    let words = line.split(separator: " ")
    switch (words.first, words.count) {
    case ("status", 1):
      let ticks = await ask(worker) { $0.ticks }
      return "ok ticks=\(ticks) log-level=\(level.current)"
    case ("log-level", 1):
      return "ok \(level.current)"
    case ("log-level", 2):
      guard let wanted = Logger.Level(rawValue: String(words[1])) else {
        return "error levels are \(Logger.Level.allCases.map(\.rawValue).joined(separator: " "))"
      }
      // Guarded by a lock that nobody holds for long: no need to go anywhere.
      level.current = wanted
      return "ok \(wanted)"
    case ("stop", 1):
      // The server ends when this reply, and whatever others are owed, has gone out; the group ends after it.
      stop.stop(deadline: .after(Self.drainTime))
      return "ok stopping"
    default:
      return "error commands are: status, log-level [LEVEL], stop"
    }
  }

  /// Asks one of the daemon's actors something.
  ///
  /// A plain `await worker.ticks` is as safe, but an actor without an executor of its own runs on its caller's, which would
  /// be the loop: what takes long there would hold up every connection. So the question goes to the daemon's threads.
  private func ask<Asked: Actor, Answer: Sendable>(
    _ actor: Asked, _ question: @Sendable (isolated Asked) -> Answer
  ) async -> Answer {
    await withTaskExecutorPreference(globalConcurrentExecutor) { await question(actor) }
  }
}
