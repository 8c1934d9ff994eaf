// A window's life: opened with its child, fed while the child lives, hung up, reaped, and gone with everything it had.

internal import Glibc
package import IPCKit
package import WindowProtocol

extension WindowTable {
  /// Opens a window and answers its id once its program runs.
  /// - Parameter size: the terminal's, whatever the settings say.
  package func open(
    _ specification: WindowSpecification, size: Terminal.Size? = nil
  ) async throws(Reply.Failure) -> UInt64 {
    guard !isStopping else { throw Reply.Failure(.stopping, "windowd is about to end") }
    var (own, configuration) = try Self.refusing { () throws(ConfigurationError) in
      let own = try Settings.parseForWindow(specification.options)
      return (own, try settings.effective.applying(own))
    }
    configuration.size = size ?? configuration.size
    let most = settings.effective.maximumWindows
    guard windows.count + starting < most else {
      throw Reply.Failure(.tooManyWindows, "there are \(most) windows, the most there may be")
    }
    lastID += 1
    let id = lastID
    let command = try Self.refusing { () throws(ConfigurationError) in
      try setup.command(for: specification, id: id, configuration: configuration)
    }
    let live = try await start(command, configuration)
    let window = Window(
      id: id, specification: specification, command: command.arguments, settings: own, configuration: configuration,
      live: live)
    windows[id] = window
    window.isClosing = isStopping
    Task(executorPreference: loop) { await self.supervise(id) }
    // Stopping began while the program started: it was not there to be hung up.
    if isStopping { await hangUp(window) }
    return id
  }

  private func start(_ command: Command, _ configuration: Configuration) async throws(Reply.Failure) -> LiveTerminal {
    starting += 1
    defer { starting -= 1 }
    do throws(IPCError) {
      let terminal: Terminal
      do throws(SystemError) { terminal = try Terminal(size: configuration.size, on: loop) } catch {
        throw .system(error)
      }
      let deadline = Deadline.after(.seconds(configuration.startTimeout))
      let child = try await command.start(in: terminal, on: loop, through: handover, deadline: deadline)
      return LiveTerminal(terminal: terminal, child: child)
    } catch {
      throw Reply.Failure(.spawnFailed, "\(error)")
    }
  }

  /// Sees a window from its child's start to its end.
  private func supervise(_ id: UInt64) async {
    guard let window = windows[id], let live = window.live else { return }
    let feeding = Task(executorPreference: loop) { await self.feed(id) }
    let status = await live.child.exit()
    // Reaped: its number may be another's from here on, and no signal may reach for it.
    window.live = nil
    window.exit = status
    // What the child printed last is still in the terminal.
    feeding.cancel()
    window.typing?.cancel()
    for attachment in window.attachments { attachment.resumeReader() }
    await feeding.value
    _ = read(live, into: window, atMost: 1 << 20)
    endAttachments(of: window)
    if !window.specification.hold || window.isClosing { remove(window, status) }
  }

  private func remove(_ window: Window, _ status: ExitStatus) {
    windows[window.id] = nil
    records.record(window.id, status)
    resumeWaiting(for: .window(window.id))
  }
}

// MARK: - Output

extension WindowTable {
  /// Reads what the child prints for as long as the task is not cancelled, so that the child never waits.
  private func feed(_ id: UInt64) async {
    guard let window = windows[id], let live = window.live else { return }
    while !Task.isCancelled {
      let progress = read(live, into: window, atMost: 1 << 16)
      await window.owner?.keepPace()
      switch progress {
      case .more: await Task.yield()
      case .nothing: try? await live.terminal.source.readable()
      // The child has closed its terminal. It may open it again, and of that no event tells.
      case .closed: await loop.sleep(until: .after(.seconds(1)))
      }
    }
  }

  private enum Progress {
    case more
    case nothing
    case closed
  }

  /// Reads until nothing is left, `limit` bytes have come and others should have their turn, or a terminal is to catch
  /// up; each piece is shown as it comes, so that child, daemon and terminal work at the same time.
  private func read(_ live: LiveTerminal, into window: Window, atMost limit: Int) -> Progress {
    var taken = 0
    while taken < limit, !(window.owner?.setsPace ?? false) {
      do throws(SystemError) {
        var span = scratch.mutableSpan
        // Bytes seen as raw bytes: nothing is reinterpreted.
        var bytes = unsafe span.mutableBytes
        let count = try live.terminal.source.descriptor.read(into: &bytes)
        guard count > 0 else { return .closed }
        window.keep(scratch[..<count])
        showNews(of: window)
        taken += count
      } catch {
        return error.errno == EAGAIN ? .nothing : .closed
      }
    }
    return .more
  }
}

// MARK: - The end

extension WindowTable {
  /// Seconds that children have when the daemon ends, at most.
  private static let longestGraceAtTheEnd = 5

  /// Closes a window and returns when it has gone.
  package func close(_ id: Int128) async throws(Reply.Failure) {
    let window = try find(id)
    window.isClosing = true
    guard window.live == nil, let status = window.exit else { return await hangUp(window) }
    // Held, or about to go by itself.
    if windows[window.id] === window { remove(window, status) }
  }

  /// Returns how the child ended once the window has gone; nil when the task is cancelled first.
  package func wait(for id: Int128) async throws(Reply.Failure) -> ExitStatus? {
    if let status = UInt64(exactly: id).flatMap({ records[$0] }) { return status }
    let window = try find(id)
    await untilGone(.window(window.id))
    return windows[window.id] == nil ? window.exit : nil
  }

  /// Hangs up all windows and returns when they have gone. No window opens any more.
  package func closeAll() async {
    isStopping = true
    let loop = self.loop
    await withDiscardingTaskGroup { group in
      for id in windows.keys {
        group.addTask(executorPreference: loop) { try? await self.close(Int128(id)) }
      }
    }
  }

  /// SIGHUP to the child and its process group, SIGKILL after the grace; returns when the window has gone.
  private func hangUp(_ window: Window) async {
    // A stopped process gets a signal only when it goes on.
    window.live?.child.signalGroup(SIGHUP)
    window.live?.child.signalGroup(SIGCONT)
    // The end of the daemon comes in its time, however patient the settings are.
    let patience = settings.effective.hangUpGrace
    let grace = Duration.seconds(isStopping ? min(patience, Self.longestGraceAtTheEnd) : patience)
    let id = window.id
    let killer = Task(executorPreference: loop) {
      await self.loop.sleep(until: .after(grace))
      if !Task.isCancelled { await self.kill(id) }
    }
    await untilGone(.window(id))
    killer.cancel()
  }

  private func kill(_ id: UInt64) { windows[id]?.live?.child.kill() }
}
