// windowd as it begins: what it is handed, what it takes over, and what it is made of.

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

  let loop: EventLoop
  let log: Log
  let windows: WindowTable
  let configurationFile: ConfigurationFile
  let inherited: InheritedListener
  let stored: [StoredWindow]
  let notifier: ServiceNotifier
  let report: ServiceReport
  let activity: Activity
  let counters = Counters()
  let options: Options

  /// The name that the socket has in a socket unit; a unit that gives none is accepted too.
  private static let socketName = "control"

  /// Runs it until a signal ends it. The calling thread becomes the loop's.
  /// - Returns: the exit status.
  package static func run(_ options: Options) -> Int32 {
    let log = Log()
    do {
      try StandardStreams.ensureOpen()
      // A log that nobody reads must not end the daemon.
      _ = signal(SIGPIPE, SIG_IGN)
      // Nor must a limit of the size of files: what cannot be written for it is told, like anything else.
      _ = signal(SIGXFSZ, SIG_IGN)
      // Where a parent ignored it, the kernel would reap our children and forget how they ended.
      _ = signal(SIGCHLD, SIG_DFL)
      // Before anything is opened: a manager may have handed over more than the soft limit has room for.
      let limit = try DescriptorLimit.current()
      try DescriptorLimit(soft: limit.hard, hard: limit.hard).apply()
      leaveTerminal(log)
      var activation = try SocketActivation.take()
      let stored = StoredWindow.take(from: &activation)
      let inherited = InheritedListener(try activation.takeListener(named: socketName) ?? activation.takeListener())
      for rest in activation.remaining {
        log.write(.warning, "handed over, of no use here: \(rest.name), \(rest.kind)")
      }
      // Closed now, and not when the daemon ends.
      _ = consume activation
      let path = try inherited.path ?? SocketLocation.resolve(options.socketPath)
      let loop = try EventLoop()
      // Before there are clients, so that its numbers are below theirs.
      let handover = try Handover()
      let setup = ChildSetup(socketPath: path, startedWith: limit)
      let (notifier, activity) = (ServiceNotifier(on: loop), Activity())
      let windows = WindowTable(
        on: loop, setup: setup, handover: handover, store: WindowStore(notifier, log: log), activity: activity, log: log
      )
      let daemon = WindowDaemon(
        loop: loop, log: log, windows: windows, configurationFile: ConfigurationFile(path: options.configurationPath),
        inherited: inherited, stored: stored, notifier: notifier, activity: activity, options: options)
      return loop.run { await daemon.live(listeningAt: path) }
    } catch {
      log.write(.error, "\(error)")
      return 1
    }
  }

  /// Whoever attaches may lend the terminal that this was started on, in whose background it may be: a shell's job control
  /// would stop it.
  private static func leaveTerminal(_ log: Log) {
    do throws(SystemError) { try LentTerminal.leaveControllingTerminal() } catch {
      log.write(.warning, "the terminal's job control may stop this: \(error)")
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
}

/// A socket that was handed over, on its way to whoever serves it: a closure cannot consume what it captures.
final class InheritedListener: Sendable {
  private let listener: Mutex<UnixListener?>

  init(_ listener: consuming UnixListener?) { self.listener = Mutex(listener) }

  /// The path it is bound to; nil when nothing was handed over.
  var path: String? {
    get throws(SystemError) { try listener.withLock { (listener) throws(SystemError) in try listener?.path } }
  }

  /// Hands it out, the one there is or another one; nil when nothing was handed over.
  func take(keepingOne: Bool) throws(SystemError) -> UnixListener? {
    try listener.withLock { (listener) throws(SystemError) in
      keepingOne ? try listener?.duplicate() : listener.take()
    }
  }
}
