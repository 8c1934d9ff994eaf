// A window's life: fed while its child lives, hung up, reaped, and gone with everything it had.

internal import Glibc
package import IPCKit
package import WindowProtocol

extension WindowTable {
  /// Sees a window from its child's start to its end.
  func supervise(_ window: Window) {
    let id = window.id
    Task(executorPreference: loop) { await self.supervise(id) }
  }

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
    window.writeDownExit()
    endAttachments(of: window)
    childHasEnded(window)
  }

  /// What becomes of a window whose child has ended, and whose output is complete.
  func childHasEnded(_ window: Window) {
    guard window.specification.hold, !window.isClosing else { return remove(window) }
    let id = window.id
    if let store { Task(executorPreference: loop) { await store.forgetChild(of: id) } }
  }

  private func remove(_ window: Window) {
    guard windows.removeValue(forKey: window.id) != nil, let status = window.exit else { return }
    activity.note()
    records.record(window.id, status)
    write(Journal.Entry(ended: Reply.Ended(id: window.id, exit: ChildExit(status))))
    resumeWaiting(for: .window(window.id))
    let id = window.id
    // Not before it is written down: what is in neither place would be unknown after a restart.
    if let store { Task(executorPreference: loop) { await store.forget(id) } }
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
    if window.live == nil, window.exit != nil {
      // Held, or about to go by itself.
      remove(window)
    } else {
      await hangUp(window)
    }
    guard windows[window.id] == nil else { throw Reply.Failure(.stopping, "windowd ends, and the window has not yet") }
  }

  /// Returns how the child ended once the window has gone; nil when the task is cancelled first.
  package func wait(for id: Int128) async throws(Reply.Failure) -> ExitStatus? {
    if let status = UInt64(exactly: id).flatMap({ records[$0] }) { return status }
    let window = try find(id)
    await untilGone(.window(window.id))
    return windows[window.id] == nil ? window.exit : nil
  }

  /// Ends what is to end with the daemon, and returns when it has. No window opens any more.
  ///
  /// Windows that would not survive are hung up. Of the others, nobody knows here whether they are to go: the service
  /// manager does. If it does not start the daemon again, it drops what it keeps, and the kernel hangs them up.
  package func end() async {
    isStopping = true
    guard store == nil else { return await leave() }
    let loop = self.loop
    await withDiscardingTaskGroup { group in
      for id in windows.keys {
        group.addTask(executorPreference: loop) { try? await self.close(Int128(id)) }
      }
    }
  }

  /// Gives users' terminals back, and lets go of clients that wait: the next daemon will have what they wait for.
  private func leave() async {
    for attachment in attachments.values { end(attachment, .daemonEnded) }
    for ticket in attachments.keys { await untilGone(.attachment(ticket)) }
    for id in windows.keys { resumeWaiting(for: .window(id)) }
  }

  /// SIGHUP to the child and its process group, SIGKILL after the grace; returns when the window has gone, or the daemon
  /// leaves it.
  func hangUp(_ window: Window) async {
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
