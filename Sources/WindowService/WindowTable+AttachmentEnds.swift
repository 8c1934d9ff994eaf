// How a terminal is given back: after what reads from it and writes to it has ended, as it was, and only then is the client
// told.

internal import IPCKit
internal import WindowProtocol

extension WindowTable {
  /// How long a terminal has to show the last that a window printed.
  private static let farewell = Duration.seconds(1)

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
    attachment.resumeKeyboard()
    attachment.resumeReader()
    for task in tasks { await task.value }
    if attachment.isAbandoned { attachment.replaceTheRest(with: Array(TerminalReset.sequence.utf8)) }
    if reason == .windowEnded || attachment.isAbandoned { await showTheRest(attachment) }
    attachment.terminal.restore()
    window.attachments.removeAll { $0 === attachment }
    if window.attachments.isEmpty { window.forgetRecent() }
    attachments[ticket] = nil
    attachmentEnds[ticket] = Reply.AttachmentEnd(id: window.id, ended: reason, exit: window.exit.map(ChildExit.init))
    resumeWaiting(for: .attachment(ticket))
  }

  /// Lets a terminal show what is left, for a moment.
  private func showTheRest(_ attachment: Attachment) async {
    let deadline = Deadline.after(Self.farewell)
    while attachment.show() == .noRoom {
      guard (try? await attachment.terminal.source.writable(deadline: deadline)) != nil else { return }
    }
  }

  /// Why an attachment has ended, once its terminal is given back; nil when the task is cancelled first.
  func endOfAttachment(_ ticket: UInt64) async -> Reply.AttachmentEnd? {
    await untilGone(.attachment(ticket))
    return attachmentEnds[ticket]
  }

  /// Forgets an attachment that has ended, or ends it because its client has gone.
  func forgetAttachment(_ ticket: UInt64) async {
    attachments[ticket]?.isAbandoned = true
    detach(ticket)
    await untilGone(.attachment(ticket))
    attachmentEnds[ticket] = nil
  }
}
