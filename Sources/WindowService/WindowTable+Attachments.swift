// Windows on users' terminals: who may have one, what it shows, and how it is given back. The window is read by nobody but
// its own task, so a terminal that is slow, or gone, takes nothing from it.

internal import Glibc
internal import IPCKit
internal import Synchronization
internal import WindowProtocol

/// A terminal on its way from a client's message to the loop.
final class PassedTerminal: Sendable {
  private let descriptor: Mutex<FileDescriptor?>

  init(_ descriptor: consuming FileDescriptor) { self.descriptor = Mutex(descriptor) }

  func take() -> FileDescriptor? { descriptor.withLock { $0.take() } }

  /// The same terminal, opened once more. What was passed is closed.
  func reopened() -> Result<PassedTerminal, SystemError> {
    guard let passed = take() else { return .failure(SystemError(errno: EBADF, operation: "open")) }
    do throws(SystemError) {
      return .success(PassedTerminal(try LentTerminal.reopen(passed)))
    } catch {
      return .failure(error)
    }
  }
}

extension WindowTable {
  /// Shows a window on a terminal, until it is detached, taken over, or one of the two has gone.
  /// - Returns: what names it to ``endOfAttachment(_:)``, and the window.
  func attach(
    _ request: AttachRequest, to passed: PassedTerminal, of client: Int32
  ) async throws(Reply.Failure) -> (ticket: UInt64, window: UInt64) {
    if case .window(let id) = request.target { _ = try attachable(id) }
    let terminal = try await open(passed)
    switch request.target {
    case .window(let id):
      // Before it is taken from anybody.
      _ = try outerWindow(of: terminal, for: try attachable(id))
      let window = try await takeOver(id, request)
      return (try begin(request, window, on: terminal, of: client), window.id)
    case .new(let specification):
      let window = try await prepare(specification, size: Self.usableSize(of: terminal))
      defer { letRun(window) }
      do throws(Reply.Failure) {
        return (try begin(request, window, on: terminal, of: client), window.id)
      } catch {
        // Opened to be seen.
        window.isClosing = true
        throw error
      }
    }
  }

  private func begin(
    _ request: AttachRequest, _ window: Window, on terminal: consuming FileDescriptor, of client: Int32
  ) throws(Reply.Failure) -> UInt64 {
    let outer = try outerWindow(of: terminal, for: window)
    lastTicket += 1
    let attachment: Attachment
    do throws(SystemError) {
      attachment = Attachment(
        ticket: lastTicket, window: window, terminal: try LentTerminal(terminal, on: loop), request: request,
        client: client, outerWindow: outer)
    } catch {
      throw Reply.Failure(.noTerminal, "\(error)")
    }
    begin(attachment)
    return attachment.ticket
  }

  /// The window of that id, if it has a program.
  private func attachable(_ id: Int128) throws(Reply.Failure) -> Window {
    let window = try find(id)
    guard window.live != nil, !window.isClosing else {
      throw Reply.Failure(.windowEnded, "the program of window \(window.id) has ended")
    }
    return window
  }

  /// Opens the terminal on a thread, because nothing promises that it is one.
  private func open(_ passed: PassedTerminal) async throws(Reply.Failure) -> FileDescriptor {
    do throws(SystemError) {
      guard let terminal = try await loop.blocking({ passed.reopened() }).get().take() else {
        throw SystemError(errno: EBADF, operation: "open")
      }
      return terminal
    } catch {
      throw Reply.Failure(.noTerminal, "what came with the message cannot show a window: \(error)")
    }
  }

  /// A terminal's size; nil when it has none.
  private static func usableSize(of terminal: borrowing FileDescriptor) -> Terminal.Size? {
    guard let size = try? Terminal.Size(of: terminal), size.columns > 0, size.rows > 0 else { return nil }
    return size
  }

  /// The window, once nobody else has it, for who wants it alone.
  private func takeOver(_ id: Int128, _ request: AttachRequest) async throws(Reply.Failure) -> Window {
    while true {
      let window = try attachable(id)
      // Who has gone meanwhile waits for nobody.
      if Task.isCancelled { throw Reply.Failure(.stopping, "the client has gone") }
      guard !request.isReadOnly, let other = window.owner else {
        return window
      }
      guard request.steals else {
        let help = "take it over with --steal, or watch with --read-only"
        throw Reply.Failure(.windowAttached, "process \(other.client) is attached to window \(window.id): \(help)")
      }
      end(other, .takenOver)
      await untilGone(.attachment(other.ticket))
    }
  }

  /// The window of ours that a terminal is in; nil when it is in none.
  private func outerWindow(of terminal: borrowing FileDescriptor) throws(Reply.Failure) -> UInt64? {
    for window in windows.values {
      do throws(SystemError) {
        if let live = window.live, try live.terminal.isOtherSide(of: terminal) { return window.id }
      } catch {
        throw Reply.Failure(.noTerminal, "\(error)")
      }
    }
    return nil
  }

  /// The same for a terminal that is to show a window, which must not be in there itself.
  private func outerWindow(
    of terminal: borrowing FileDescriptor, for window: Window
  ) throws(Reply.Failure) -> UInt64? {
    let outer = try outerWindow(of: terminal)
    guard let outer, isShown(window, in: outer) else { return outer }
    throw Reply.Failure(.noTerminal, "the terminal is in window \(window.id) itself, and would show itself for ever")
  }

  /// Whether a window is on a terminal in `outer`, or on one in a window that is.
  private func isShown(_ window: Window, in outer: UInt64) -> Bool {
    outer == window.id
      || (windows[outer]?.attachments ?? []).contains { $0.outerWindow.map { isShown(window, in: $0) } ?? false }
  }

  private func begin(_ attachment: Attachment) {
    let (window, ticket) = (attachment.window, attachment.ticket)
    attachments[ticket] = attachment
    window.attachments.append(attachment)
    show(attachment)
    attachment.keyboard = Task(executorPreference: loop) { await self.readKeyboard(ticket) }
    guard !attachment.request.isReadOnly else { return }
    let before = window.size
    fit(attachment)
    // What was kept is how the screen came to be, not how it is.
    if window.size == before { window.live?.terminal.redraw() }
  }

  /// Gives the window the size of the terminal that has it.
  func fit(_ ticket: UInt64) {
    if let attachment = attachments[ticket], !attachment.request.isReadOnly { fit(attachment) }
  }

  private func fit(_ attachment: Attachment) {
    guard let size = try? attachment.terminal.size, size.columns > 0, size.rows > 0 else { return }
    resize(attachment.window, to: size)
  }
}

// MARK: - Showing

extension WindowTable {
  /// How long a terminal may take nothing before the window is read on without it.
  private static let patience = Duration.milliseconds(50)

  /// Shows on all terminals what a window has printed.
  func showNews(of window: Window) {
    for attachment in window.attachments { show(attachment) }
  }

  private func show(_ attachment: Attachment) {
    guard !attachment.isWaitingForRoom, attachment.end == nil, !showMore(attachment) else { return }
    attachment.isWaitingForRoom = true
    let ticket = attachment.ticket
    attachment.writer = Task(executorPreference: loop) { await self.showWhenThereIsRoom(ticket) }
  }

  /// Shows as much as there is room for; false when there is more.
  private func showMore(_ attachment: Attachment) -> Bool {
    switch attachment.show() {
    case .noRoom: return false
    case .gone: end(attachment, .terminalLost)
    case .done:
      // Programs that fill the screen do so anew.
      if attachment.takeHasSkipped() { attachment.window.live?.terminal.redraw() }
    }
    return true
  }

  private func showWhenThereIsRoom(_ ticket: UInt64) async {
    while let attachment = attachments[ticket] {
      do throws(IPCError) {
        let patience = attachment.isSlow ? Deadline.never : .after(Self.patience)
        try await attachment.terminal.source.writable(deadline: patience)
      } catch {
        guard case .deadlineExceeded = error else { return }
        attachment.isSlow = true
        attachment.resumeReader()
        continue
      }
      let isDone = showMore(attachment)
      if isDone { (attachment.isWaitingForRoom, attachment.isSlow) = (false, false) }
      attachment.resumeReader()
      if isDone { return }
    }
  }
}
