// All windows, and the one place that opens and closes them. An actor on the event loop: what it does between two awaits
// nobody sees half done, and no lock is taken for it.

internal import Glibc
package import IPCKit
package import WindowProtocol

/// The windows of a daemon.
package actor WindowTable {
  nonisolated let loop: EventLoop
  let log: Log
  let setup: ChildSetup
  /// What children get their descriptors through, however many clients there are.
  let handover: Handover
  /// Where windows survive this process; nil where they do not.
  let store: WindowStore?
  /// Told of windows that come and go.
  let activity: Activity
  /// What survives of the rest.
  var journal: Journal

  var windows: [UInt64: Window] = [:]
  /// Windows whose child is being started: they count, though nobody can name them yet.
  var starting: Set<UInt64> = []
  var lastID: UInt64 = 0
  var records = ExitRecords(capacity: 1000)
  /// Who waits for what to go, each by a ticket of the wait's own.
  var waiting: [Awaited: [UInt64: CheckedContinuation<Void, Never>]] = [:]
  /// Windows on terminals, each by a ticket of its own; why they ended, until their client has been told.
  var attachments: [UInt64: Attachment] = [:]
  var attachmentEnds: [UInt64: Reply.AttachmentEnd] = [:]
  var lastTicket: UInt64 = 0
  var isStopping = false
  /// Where terminals are read into before their ring takes it: one for all, as only one is read at a time.
  var scratch = [UInt8](repeating: 0, count: 16384)

  /// What holds for all windows.
  var settings = Settings()

  /// The loop's thread is this actor's. The actor holds the loop, so the reference is good for as long as it.
  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    unsafe loop.serialExecutor.asUnownedSerialExecutor()
  }

  init(
    on loop: EventLoop, setup: ChildSetup, handover: Handover, store: WindowStore?, activity: Activity, log: Log
  ) {
    self.loop = loop
    self.setup = setup
    self.handover = handover
    self.store = store
    self.activity = activity
    self.log = log
    journal = Journal(in: Journal.runtimeDirectory, log: log)
  }

  // MARK: Asking

  /// How many windows there are.
  package var count: Int { windows.count }

  /// All windows in the order of their ids.
  package var list: [WindowInformation] { windows.values.sorted { $0.id < $1.id }.map(\.information) }

  /// What a window printed last.
  package func show(_ id: Int128) throws(Reply.Failure) -> Reply.Shown {
    let window = try find(id)
    return Reply.Shown(id: window.id, printed: window.printed, output: Bytes(window.output))
  }

  // MARK: Settings

  /// Takes the file's settings over.
  package func setFile(_ file: [Setting]) throws(ConfigurationError) {
    try settings.setFile(file)
    try fitOutputs()
  }

  /// Lets every window keep as much output as its settings say by now.
  private func fitOutputs() throws(ConfigurationError) {
    for window in windows.values { try fitOutput(of: window) }
  }

  func fitOutput(of window: Window) throws(ConfigurationError) {
    window.keepOutput(of: try settings.effective.applying(window.settings).scrollback)
  }

  /// Changes settings for all windows, or for one.
  package func change(_ change: ConfigurationChange) throws(Reply.Failure) {
    guard let id = change.window, id != -1 else {
      return try Self.refusing { () throws(ConfigurationError) in
        try settings.change(change.options, reset: change.reset)
        write(Journal.Entry(settings: settings.messages.map(\.text)))
        try fitOutputs()
      }
    }
    let window = try find(id)
    try Self.refusing { () throws(ConfigurationError) in
      let added = try Settings.parseForWindow(change.options)
      let changed = try Settings.bounded((change.reset ? [] : window.settings) + added)
      let configuration = try settings.effective.applying(changed)
      set(changed, of: window)
      window.keepOutput(of: configuration.scrollback)
      if change.reset || added.contains(where: { $0.key == "size" }) { resize(window, to: configuration.size) }
    }
  }

  /// What holds, for all windows or for one.
  package func configuration(of id: Int128?) throws(Reply.Failure) -> Configuration {
    guard let id, id != -1 else { return settings.effective }
    let window = try find(id)
    return try Self.refusing { () throws(ConfigurationError) in try settings.effective.applying(window.settings) }
  }

  /// Gives a window's terminal another size.
  package func resize(_ id: Int128, to size: Terminal.Size) throws(Reply.Failure) {
    guard size.columns > 0, size.rows > 0 else { throw Reply.Failure(.invalidValue, "a terminal has a size") }
    resize(try find(id), to: size)
  }

  func resize(_ window: Window, to size: Terminal.Size) {
    guard window.size != size else { return }
    window.setSize(size)
    do throws(SystemError) {
      try window.live?.terminal.resize(to: size)
    } catch {
      log.write(.warning, "window \(window.id): \(error)")
    }
  }

  /// What cannot be written down holds until the next restart.
  private func set(_ settings: [Setting], of window: Window) {
    do throws(SystemError) { try window.setSettings(settings) } catch {
      log.write(.error, "window \(window.id): \(error)")
    }
  }

  /// Runs `body` and answers a wrong value as a refusal.
  static func refusing<Result>(
    _ body: () throws(ConfigurationError) -> Result
  ) throws(Reply.Failure) -> Result {
    do throws(ConfigurationError) {
      return try body()
    } catch {
      throw Reply.Failure(.invalidValue, "\(error)")
    }
  }

  func find(_ id: Int128) throws(Reply.Failure) -> Window {
    guard let window = UInt64(exactly: id).flatMap({ windows[$0] }) else {
      throw Reply.Failure(.noSuchWindow, "there is no window \(id)")
    }
    return window
  }
}
