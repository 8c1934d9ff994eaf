// windowd from its first moment to its last: where it listens, what signals mean, and the order in which it ends.

internal import Glibc
internal import IPCKit
internal import Synchronization
internal import WindowProtocol

/// The daemon.
package struct WindowDaemon: Sendable {
  /// How to run it.
  package struct Options: Sendable {
    /// Where to listen when no socket was inherited.
    package var socketPath: String?
    /// The configuration; nil for the user's own, if there is one.
    package var configurationPath: String?
    /// Whether a program started it that waits for a line on standard output; that and standard error end then.
    package var isDetached = false

    package init() {}
  }

  private let loop: EventLoop
  private let log: Log
  private let windows: WindowTable
  private let configurationFile: ConfigurationFile
  private let inherited: InheritedListener
  private let counters = Counters()
  private let stop = ServerStop()
  private let isDetached: Bool

  /// The name that the socket has in a socket unit; a unit that gives none is accepted too.
  private static let socketName = "control"
  /// How long the end may take before it comes anyway.
  private static let stopLimit = Duration.seconds(10)

  /// Runs it until a signal ends it. The calling thread becomes the loop's.
  /// - Returns: the exit status.
  package static func run(_ options: Options) -> Int32 {
    let log = Log()
    do {
      try StandardStreams.ensureOpen()
      // A log that nobody reads must not end the daemon.
      _ = signal(SIGPIPE, SIG_IGN)
      // Where a parent ignored it, the kernel would reap our children and forget how they ended.
      _ = signal(SIGCHLD, SIG_DFL)
      var activation = try SocketActivation.take()
      let inherited = InheritedListener(try activation.takeListener(named: socketName) ?? activation.takeListener())
      let path = try inherited.path ?? SocketLocation.resolve(options.socketPath)
      let loop = try EventLoop()
      // Before there are clients, so that its numbers are below theirs.
      let handover = try Handover()
      let setup = try ChildSetup(socketPath: path)
      var limit = try DescriptorLimit.current()
      limit.soft = limit.hard
      try limit.apply()
      let daemon = WindowDaemon(
        loop: loop, log: log, windows: WindowTable(on: loop, setup: setup, handover: handover, log: log),
        configurationFile: ConfigurationFile(path: options.configurationPath), inherited: inherited,
        isDetached: options.isDetached)
      return loop.run { await daemon.live(listeningAt: path) }
    } catch {
      log.write(.error, "\(error)")
      return 1
    }
  }

  private init(
    loop: EventLoop, log: Log, windows: WindowTable, configurationFile: ConfigurationFile,
    inherited: InheritedListener, isDetached: Bool
  ) {
    self.loop = loop
    self.log = log
    self.windows = windows
    self.configurationFile = configurationFile
    self.inherited = inherited
    self.isDetached = isDetached
  }

  private func live(listeningAt path: String) async -> Int32 {
    let status = await work(listeningAt: path)
    await windows.closeAll()
    return status
  }

  private func work(listeningAt path: String) async -> Int32 {
    do {
      // Settings that are wrong, or a path that is taken, must end it before anyone is told that it is there.
      try await readConfiguration()
      try await withThrowingTaskGroup { group in
        // First, so that no signal can come before somebody listens for it.
        group.addTask(executorPreference: loop) { try await self.obeySignals() }
        group.addTask(executorPreference: loop) { try await self.serve(at: path) }
        // Whichever ends first: the signals' task by a stop, the server's by a failure.
        try await group.next()
        // Nobody new comes in; clients that wait for a window hear of its end before their connections go.
        stop.stop()
        await windows.closeAll()
        await counters.settle(on: loop)
        group.cancelAll()
      }
      return 0
    } catch let error as SystemError where error.errno == SystemError.addressInUse {
      log.write(.error, "\(error)")
      return DaemonStatus.alreadyServed
    } catch {
      log.write(.error, "\(error)")
      return 1
    }
  }

  private func serve(at path: String) async throws {
    let listener = try inherited.take() ?? UnixListener(binding: .path(path))
    var limits = ServerLimits()
    // The terminal of a client that attaches.
    limits.descriptorsPerFrame = 1
    let server = Server(listener, on: loop, limits: limits, stop: stop) { [log] event in
      switch event {
      case .refused(let reason, let peer): log.write(.warning, Self.describe(reason, peer))
      case .failed(let error): log.write(.warning, "a connection ended: \(error)")
      case .acceptFailed(let error): log.write(.error, "cannot accept: \(error)")
      }
    }
    try reportReadiness()
    let handler = RequestHandler(windows: windows, counters: counters, connections: server.counters)
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

  /// Tells a waiting program that clients may come, and lets go of the streams that are its own.
  private func reportReadiness() throws(SystemError) {
    log.write(.information, "ready")
    guard isDetached else { return }
    let line = DaemonStatus.readyLine + "\n"
    // A program that has gone meanwhile does not need to know.
    _ = unsafe write(STDOUT_FILENO, line, line.utf8.count)
    for stream in 0...2 { try StandardStreams.redirectToNull(Int32(stream)) }
  }

  private func readConfiguration() async throws {
    let settings = try configurationFile.read()
    try await windows.setFile(settings)
    for setting in settings where !Configuration.keys.contains(setting.key) {
      log.write(.warning, "configuration: '\(setting.key)' means nothing to windowd, and is kept for whoever asks")
    }
  }

  /// Does what signals say until one says to stop.
  private func obeySignals() async throws {
    let signals = try SignalSource([SIGTERM, SIGINT, SIGHUP], on: loop)
    while try await signals.next() == SIGHUP {
      do {
        try await readConfiguration()
        log.write(.information, "configuration read again")
      } catch {
        log.write(.error, "configuration unchanged: \(error)")
      }
    }
    log.write(.information, "stopping")
    Task(executorPreference: loop) {
      await loop.sleep(until: .after(Self.stopLimit))
      log.write(.error, "not everything ended in time")
      exit(1)
    }
  }
}

/// A socket that was handed over, on its way into the task that serves it: a closure cannot consume what it captures.
private final class InheritedListener: Sendable {
  private let listener: Mutex<UnixListener?>

  init(_ listener: consuming UnixListener?) { self.listener = Mutex(listener) }

  /// The path it is bound to; nil when nothing was handed over.
  var path: String? {
    get throws(SystemError) { try listener.withLock { (listener) throws(SystemError) in try listener?.path } }
  }

  /// Hands it out, once.
  func take() -> UnixListener? { listener.withLock { $0.take() } }
}
