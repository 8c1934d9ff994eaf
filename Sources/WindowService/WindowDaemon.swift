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
    /// After how long without windows and clients it ends; nil for never.
    package var idleExit: Duration?

    package init() {}
  }

  private let loop: EventLoop
  private let log: Log
  private let windows: WindowTable
  private let configurationFile: ConfigurationFile
  private let inherited: InheritedListener
  private let stored: [StoredWindow]
  private let notifier: ServiceNotifier
  private let report: ServiceReport
  private let activity: Activity
  private let counters = Counters()
  private let stop = ServerStop()
  private let options: Options

  /// The name that the socket has in a socket unit; a unit that gives none is accepted too.
  private static let socketName = "control"
  /// How long the end may take before it comes anyway.
  private static let stopLimit = Duration.seconds(10)
  /// How long a client has that is connected at the end and has yet to say something.
  private static let farewell = Duration.milliseconds(100)

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
      let stored = StoredWindow.take(from: &activation)
      let inherited = InheritedListener(try activation.takeListener(named: socketName) ?? activation.takeListener())
      for rest in activation.remaining {
        log.write(.warning, "handed over, of no use here: \(rest.name), \(rest.kind)")
      }
      let path = try inherited.path ?? SocketLocation.resolve(options.socketPath)
      let loop = try EventLoop()
      // Before there are clients, so that its numbers are below theirs.
      let handover = try Handover()
      let setup = try ChildSetup(socketPath: path)
      var limit = try DescriptorLimit.current()
      limit.soft = limit.hard
      try limit.apply()
      let (notifier, activity) = (ServiceNotifier(on: loop), Activity())
      let windows = WindowTable(
        on: loop, setup: setup, handover: handover, store: WindowStore(notifier), activity: activity, log: log)
      let daemon = WindowDaemon(
        loop: loop, log: log, windows: windows, configurationFile: ConfigurationFile(path: options.configurationPath),
        inherited: inherited, stored: stored, notifier: notifier, activity: activity, options: options)
      return loop.run { await daemon.live(listeningAt: path) }
    } catch {
      log.write(.error, "\(error)")
      return 1
    }
  }

  private init(
    loop: EventLoop, log: Log, windows: WindowTable, configurationFile: ConfigurationFile,
    inherited: InheritedListener, stored: [StoredWindow], notifier: ServiceNotifier, activity: Activity,
    options: Options
  ) {
    self.loop = loop
    self.log = log
    self.windows = windows
    self.configurationFile = configurationFile
    self.inherited = inherited
    self.stored = stored
    self.notifier = notifier
    self.activity = activity
    self.options = options
    report = ServiceReport(notifier, on: loop, log: log)
  }

  private func live(listeningAt path: String) async -> Int32 {
    // To the very end: a manager that waits for the daemon's end would else kill it on the way.
    let watchdog = Task(executorPreference: loop) { await notifier.keepWatchdogFed() }
    defer { watchdog.cancel() }
    let status = await work(listeningAt: path)
    await windows.end()
    return status
  }

  private func work(listeningAt path: String) async -> Int32 {
    do {
      // Settings that are wrong, or a path that is taken, must end it before anyone is told that it is there.
      try await readConfiguration()
      await windows.restore(stored)
      try await withThrowingTaskGroup { group in
        let serving = Task(executorPreference: loop) { try await self.serve(at: path) }
        // First, so that no signal can come before somebody listens for it.
        group.addImmediateTask(executorPreference: loop) { try await self.obeySignals() }
        group.addTask(executorPreference: loop) { try await serving.value }
        if let time = options.idleExit { group.addTask(executorPreference: loop) { await self.untilIdle(for: time) } }
        // Whichever ends first: the signals' task by a stop, the server's by a failure.
        let first = await group.nextResult()
        group.cancelAll()
        await endWell(serving)
        try first?.get()
      }
      return 0
    } catch let error as SystemError where error.errno == SystemError.addressInUse {
      log.write(.error, "\(error)")
      return DaemonStatus.alreadyServed
    } catch {
      log.write(.error, "\(error)")
      // What `systemctl status` shows of a daemon that could not begin.
      await report.tell(.status(DisplayText.escaped("\(error)")))
      return 1
    }
  }

  /// Nobody new comes in; who is there has his answer, and clients that wait for a window hear of its end.
  private func endWell(_ serving: Task<Void, any Error>) async {
    stop.stop()
    await report.tell(.stopping)
    await windows.end()
    await counters.settle(on: loop)
    let impatience = Task(executorPreference: loop) {
      await loop.sleep(until: .after(Self.farewell))
      serving.cancel()
    }
    _ = await serving.result
    impatience.cancel()
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
    counters.follow(server.counters)
    try await reportReadiness()
    let following = Task(executorPreference: loop) { await report.follow(activity, windows, counters) }
    defer { following.cancel() }
    let handler = RequestHandler(windows: windows, counters: counters)
    let log = log
    try await server.run { connection in
      try await Conversation(connection, handler: handler, log: log).serve()
    }
  }

  /// Returns when for so long there have been neither windows nor clients.
  private func untilIdle(for time: Duration) async {
    while !Task.isCancelled {
      let last = activity.last
      await loop.sleep(until: last.advanced(by: time))
      guard await windows.count == 0, counters.connections == 0 else {
        // As long as there is somebody, the time has not begun.
        activity.note()
        continue
      }
      if activity.last == last { return log.write(.information, "nobody is here: stopping") }
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
  private func reportReadiness() async throws(SystemError) {
    log.write(.information, "ready")
    await report.tell(.ready, .status(ServiceReport.line(windows: windows.count, connections: 0)))
    guard options.isDetached else { return }
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
      await report.tell(.reloading)
      do {
        try await readConfiguration()
        log.write(.information, "configuration read again")
      } catch {
        log.write(.error, "configuration unchanged: \(error)")
      }
      await report.tell(.ready)
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
