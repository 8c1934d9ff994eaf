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
  /// How long a terminal has to show the last that a window printed.
  private static let farewell = Duration.seconds(1)

  /// Shows a window on a terminal, until it is detached, taken over, or one of the two has gone.
  /// - Returns: what names it to ``endOfAttachment(_:)``.
  func attach(
    _ request: AttachRequest, to passed: PassedTerminal, of client: Int32
  ) async throws(Reply.Failure) -> UInt64 {
    _ = try attachable(request)
    let terminal = try await open(passed)
    let window = try await takeOver(request)
    let outer = try outerWindow(of: terminal)
    guard outer.map({ !isShown(window, in: $0) }) ?? true else {
      throw Reply.Failure(.noTerminal, "the terminal is in window \(window.id) itself, and would show itself for ever")
    }
    lastTicket += 1
    do throws(SystemError) {
      let attachment = Attachment(
        ticket: lastTicket, window: window, terminal: try LentTerminal(terminal, on: loop), request: request,
        client: client, outerWindow: outer)
      begin(attachment)
      return attachment.ticket
    } catch {
      throw Reply.Failure(.noTerminal, "\(error)")
    }
  }

  /// The window that the request is for, if it has a program.
  private func attachable(_ request: AttachRequest) throws(Reply.Failure) -> Window {
    let window = try find(request.id)
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

  /// The window, once nobody else has it, for who wants it alone.
  private func takeOver(_ request: AttachRequest) async throws(Reply.Failure) -> Window {
    while true {
      let window = try attachable(request)
      guard !request.isReadOnly, let other = window.attachments.first(where: { !$0.request.isReadOnly }) else {
        return window
      }
      guard request.steals else {
        let help = "take it over with --steal, or watch with --read-only"
        throw Reply.Failure(.windowAttached, "process \(other.client) is attached to window \(window.id): \(help)")
      }
      end(other, .takenOver)
      await untilEnded(other.ticket)
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
  /// Shows on all terminals what a window has printed.
  func showNews(of window: Window) {
    for attachment in window.attachments { show(attachment) }
  }

  private func show(_ attachment: Attachment) {
    guard !attachment.isWaitingForRoom, attachment.end == nil else { return }
    switch attachment.show() {
    case .done: break
    case .noRoom: waitForRoom(attachment)
    case .gone: end(attachment, .terminalLost)
    }
  }

  private func waitForRoom(_ attachment: Attachment) {
    attachment.isWaitingForRoom = true
    let ticket = attachment.ticket
    attachment.writer = Task(executorPreference: loop) { await self.showWhenThereIsRoom(ticket) }
  }

  private func showWhenThereIsRoom(_ ticket: UInt64) async {
    while let attachment = attachments[ticket] {
      guard (try? await attachment.terminal.source.writable()) != nil else { return }
      switch attachment.show() {
      case .noRoom: continue
      case .gone: end(attachment, .terminalLost)
      case .done:
        attachment.isWaitingForRoom = false
        if attachment.takeHasSkipped() { attachment.window.live?.terminal.redraw() }
      }
      return
    }
  }
}

// MARK: - The end

extension WindowTable {
  /// Ends an attachment as its client wants.
  func detach(_ ticket: UInt64) {
    if let attachment = attachments[ticket] { end(attachment, .detached) }
  }

  /// Ends all attachments of a window whose program has ended.
  func endAttachments(of window: Window) {
    for attachment in window.attachments { end(attachment, .windowEnded) }
  }

  func end(_ attachment: Attachment, _ reason: Reply.AttachmentEnd.Reason) {
    guard attachment.end == nil else { return }
    attachment.end = reason
    let ticket = attachment.ticket
    Task(executorPreference: loop) { await self.finish(ticket) }
  }

  private func finish(_ ticket: UInt64) async {
    guard let attachment = attachments[ticket], let reason = attachment.end else { return }
    let window = attachment.window
    let tasks = [attachment.keyboard, attachment.writer].compactMap(\.self)
    for task in tasks { task.cancel() }
    window.resumeTypist()
    for task in tasks { await task.value }
    if reason == .windowEnded { await showTheRest(attachment) }
    attachment.terminal.restore()
    window.attachments.removeAll { $0 === attachment }
    if window.attachments.isEmpty { window.forgetRecent() }
    attachments[ticket] = nil
    attachmentEnds[ticket] = Reply.AttachmentEnd(id: window.id, ended: reason, exit: window.exit.map(ChildExit.init))
    for continuation in (waitingForEnd.removeValue(forKey: ticket) ?? [:]).values { continuation.resume() }
  }

  /// Lets a terminal show what its window printed last, for a moment.
  private func showTheRest(_ attachment: Attachment) async {
    let deadline = Deadline.after(Self.farewell)
    while attachment.show() == .noRoom {
      guard (try? await attachment.terminal.source.writable(deadline: deadline)) != nil else { return }
    }
  }
}

// MARK: - Waiting for the end

extension WindowTable {
  /// Why an attachment has ended, once its terminal is given back; nil when the task is cancelled first.
  func endOfAttachment(_ ticket: UInt64) async -> Reply.AttachmentEnd? {
    await untilEnded(ticket)
    return attachmentEnds[ticket]
  }

  /// Forgets an attachment that has ended, or ends it because its client has gone.
  func forgetAttachment(_ ticket: UInt64) async {
    detach(ticket)
    await untilEnded(ticket)
    attachmentEnds[ticket] = nil
  }

  private func untilEnded(_ ticket: UInt64) async {
    lastTicket += 1
    let own = lastTicket
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        // Looked at here, after the last moment at which another could have its turn.
        guard attachments[ticket] != nil, !Task.isCancelled else { return continuation.resume() }
        waitingForEnd[ticket, default: [:]][own] = continuation
      }
    } onCancel: {
      Task(executorPreference: loop) { await self.stopWaiting(for: ticket, own) }
    }
  }

  private func stopWaiting(for ticket: UInt64, _ own: UInt64) {
    waitingForEnd[ticket]?.removeValue(forKey: own)?.resume()
  }
}
