// A window's beginning: an id, a state that can be found again, a child; and, where windows survive this process, nobody is
// told of it before it would.

internal import Glibc
internal import IPCKit
package import WindowProtocol

extension WindowTable {
  /// Opens a window and answers its id once its program runs and it is safe.
  package func open(_ specification: WindowSpecification) async throws(Reply.Failure) -> UInt64 {
    let window = try await prepare(specification, size: nil)
    letRun(window)
    if window.isClosing { await untilGone(.window(window.id)) }
    return window.id
  }

  /// A window whose program runs and that is safe, and that stays until ``letRun(_:)``: however short its program is, it
  /// is there for whoever opens it.
  /// - Parameter size: the terminal's, whatever the settings say.
  func prepare(_ specification: WindowSpecification, size: Terminal.Size?) async throws(Reply.Failure) -> Window {
    guard !isStopping else { throw Reply.Failure(.stopping, "windowd is about to end") }
    var (own, configuration) = try Self.refusing { () throws(ConfigurationError) in
      let own = try Settings.parseForWindow(specification.options)
      return (own, try settings.effective.applying(own))
    }
    configuration.size = size ?? configuration.size
    try checkRoom()
    let id = giveID()
    // Before anything is waited for, and until it is among the others: many may be opened at once.
    starting.insert(id)
    defer { starting.remove(id) }
    let command = try Self.refusing { () throws(ConfigurationError) in
      try setup.command(for: specification, id: id, configuration: configuration)
    }
    let record = WindowRecord(specification, command: command.arguments)
    guard let store else {
      let window = Window(id: id, record, own, configuration, live: try await start(command, configuration))
      insert(window)
      return window
    }
    let file = try makeFile(for: id)
    let state = try write(record, of: id, configuration, in: file)
    let live = try await start(command, configuration)
    let window = Window(id: id, record, own, state: state, live: live)
    window.state?.setProcess(live.child.processID)
    insert(window)
    try await keep(window, live, file, in: store)
    return window
  }

  /// Begins to read what the window's program prints, and to wait for its end; from here on it may go.
  func letRun(_ window: Window) {
    supervise(window)
    // Meanwhile the daemon began to stop, a client closed it, or the terminal that it is for was refused.
    guard window.isClosing else { return }
    let id = Int128(window.id)
    Task(executorPreference: loop) { try? await self.close(id) }
  }

  /// Whether there is room for one more window.
  private func checkRoom() throws(Reply.Failure) {
    let (most, count) = (settings.effective.maximumWindows, windows.count + starting.count)
    guard count < most else {
      throw Reply.Failure(.tooManyWindows, "there are \(most) windows, the most there may be")
    }
    guard let store, count >= store.capacity else { return }
    throw Reply.Failure(
      .tooManyWindows,
      "there are \(count) windows, the most that the service manager can keep: its FileDescriptorStoreMax= says so")
  }

  /// An id that no window had, also before a restart.
  private func giveID() -> UInt64 {
    lastID += 1
    write(Journal.Entry(id: lastID))
    return lastID
  }

  /// What a window's state is in: open until it is in the store, and in memory for as long as the window is there.
  private func makeFile(for id: UInt64) throws(Reply.Failure) -> MemoryFile {
    do throws(SystemError) { return try MemoryFile(named: "windowd-\(id)") } catch {
      throw Reply.Failure(.spawnFailed, "\(error)")
    }
  }

  private func write(
    _ record: WindowRecord, of id: UInt64, _ configuration: Configuration, in file: borrowing MemoryFile
  ) throws(Reply.Failure) -> WindowState {
    do throws(SystemError) {
      return try WindowState.make(
        in: file, id: id, record, size: configuration.size, keeping: configuration.scrollback)
    } catch {
      throw Reply.Failure(.spawnFailed, "\(error)")
    }
  }

  private func start(_ command: Command, _ configuration: Configuration) async throws(Reply.Failure) -> LiveTerminal {
    do throws(IPCError) {
      let terminal = try IPCError.wrap { () throws(SystemError) in try Terminal(size: configuration.size, on: loop) }
      let deadline = Deadline.after(.seconds(configuration.startTimeout))
      let child = try await command.start(in: terminal, on: loop, through: handover, deadline: deadline)
      return LiveTerminal(terminal: terminal, child: child)
    } catch {
      throw Reply.Failure(.spawnFailed, "\(error)")
    }
  }

  private func insert(_ window: Window) {
    windows[window.id] = window
    starting.remove(window.id)
    window.isClosing = isStopping && store == nil
    activity.note()
  }

  /// Has the service manager keep the window.
  private func keep(
    _ window: Window, _ live: LiveTerminal, _ file: consuming MemoryFile, in store: WindowStore
  ) async throws(Reply.Failure) {
    do throws(IPCError) {
      try await store.keep(window.id, file, live)
    } catch {
      window.isClosing = true
      supervise(window)
      await hangUp(window)
      throw Reply.Failure(.notStored, "the service manager does not confirm that it keeps the window: \(error)")
    }
  }
}
