// windowd at the door: it listens, says that it does, and lets go of the door again.

internal import Glibc
internal import IPCKit
internal import WindowProtocol

extension WindowDaemon {
  /// A server that serves, and how it is told to stop.
  struct Service {
    let stop: ServerStop
    /// What its end has reported; nil when it has ended well.
    let task: Task<(any Error)?, Never>
  }

  /// How long a client has, at the end, whose conversation could go on.
  private static let farewell = Duration.milliseconds(100)

  /// Begins to serve.
  func open(_ path: String, orElse fail: @escaping @Sendable (any Error) -> Void) -> Service {
    let stop = ServerStop()
    let task = Task(executorPreference: loop) { () -> (any Error)? in
      do {
        try await serve(at: path, until: stop)
        return nil
      } catch {
        fail(error)
        return error
      }
    }
    return Service(stop: stop, task: task)
  }

  /// Nobody new comes in; returns when those who are there have had their answers.
  /// - Throws: what could not be ended well, as a socket's file that could not be removed.
  func close(_ service: Service) async throws {
    service.stop.stop()
    await counters.settle(on: loop)
    let impatience = Task(executorPreference: loop) {
      await loop.sleep(until: .after(Self.farewell))
      if !Task.isCancelled { service.task.cancel() }
    }
    let error: (any Error)? = await service.task.value
    impatience.cancel()
    if let error { throw error }
  }

  private func serve(at path: String, until stop: ServerStop) async throws {
    // Who may end because nobody is there may begin again, because somebody was.
    let listener = try inherited.take(keepingOne: options.idleExit != nil) ?? UnixListener(binding: .path(path))
    var limits = ServerLimits()
    limits.frameLength = WireFormat.messageLimit
    // The terminal of a client that attaches.
    limits.descriptorsPerFrame = 1
    let server = Server(listener, on: loop, limits: limits, stop: stop) { [log] event in
      switch event {
      case .refused(let reason, let peer): log.write(.warning, Self.describe(reason, peer))
      case .failed(let error): log.write(.warning, "a connection ended: \(error)")
      case .acceptFailed(let error): log.write(.error, "cannot accept: \(error)")
      }
    }
    counters.follow(server.counters)
    // What happens from now on is not in what is told next.
    let changes = activity.changes()
    do { try await reportReadiness() } catch {
      // It begins only to end, which removes its socket.
      stop.stop()
      try? await server.run { _ in }
      throw error
    }
    let following = Task(executorPreference: loop) { await report.follow(changes, windows, counters) }
    defer { following.cancel() }
    let handler = RequestHandler(windows: windows, counters: counters)
    let log = log
    try await server.run { connection in
      try await Conversation(connection, handler: handler, log: log).serve()
    }
  }

  private static func describe(_ reason: Server.Refusal, _ peer: PeerCredentials?) -> String {
    let who = peer.map { "user \($0.userID), process \($0.processID)" } ?? "a client"
    return switch reason {
    case .notAllowed: "refused \(who)"
    case .tooManyConnections: "refused \(who): too many connections"
    case .tooManyOfOneUser: "refused \(who): too many connections of one user"
    case .noDescriptors: "refused \(who): no descriptors left"
    }
  }

  /// Tells whoever waits for it that clients may come, and lets go of the streams that are theirs.
  private func reportReadiness() async throws(SystemError) {
    log.write(.information, "ready")
    report.tell(.ready, .status(ServiceReport.line(windows: await windows.count, connections: 0)))
    guard options.isDetached else { return }
    // Nobody is told so by a daemon that has yet to fail.
    let copy = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
    guard copy >= 0 else { throw SystemError(errno: errno, operation: "fcntl") }
    // Made in the line above, for us alone.
    let output = unsafe FileDescriptor(owning: copy)
    for stream in 0...2 { try StandardStreams.redirectToNull(Int32(stream)) }
    log.leaveTerminal()
    // A program that has gone meanwhile does not need to know.
    try? output.writeAll(DaemonStatus.readyLine + "\n")
  }
}
