// A client that is attached to a window: it says when its terminal has another size and when it has enough, and is told the
// end.

internal import IPCKit
internal import WindowProtocol

extension Conversation {
  /// Shows a window on the terminal that came with the message, until one of the two has enough.
  mutating func attach(_ request: AttachRequest) async throws(IPCError) {
    var descriptors = connection.takeDescriptors()
    guard let descriptor = descriptors.popFirst() else {
      return try await refuse(Reply.Failure(.noTerminal, "no terminal came with the message"))
    }
    let (ticket, window): (UInt64, UInt64)
    do throws(Reply.Failure) {
      (ticket, window) = try await handler.windows.attach(request, to: PassedTerminal(descriptor), of: client)
    } catch {
      return try await refuse(error)
    }
    do throws(IPCError) {
      try await tell(Reply.Attached(attached: window))
      if let end = try await endOfAttachment(ticket) { try await tell(end) }
    } catch {
      await handler.windows.forgetAttachment(ticket)
      throw error
    }
    await handler.windows.forgetAttachment(ticket)
  }

  /// Listens to the client until the attachment has ended; nil when the client has gone first.
  private mutating func endOfAttachment(_ ticket: UInt64) async throws(IPCError) -> Reply.AttachmentEnd? {
    let windows = handler.windows
    while true {
      if let end = await connection.untilReadable({ await windows.endOfAttachment(ticket) }) { return end }
      guard let line = try await connection.nextLine(as: [UInt8].self) else {
        // This daemon's own end is near: the attachment ends with its window.
        return connection.peerHasEnded ? nil : await windows.endOfAttachment(ticket)
      }
      closeDescriptors()
      switch Message(line).content {
      case .success(.resized): await windows.fit(ticket)
      case .success(.detach): await windows.detach(ticket)
      case .success:
        try await refuse(Reply.Failure(.windowAttached, "a client that is attached may say `resized` and `detach`"))
      case .failure(let refusal): try await refuse(refusal)
      }
    }
  }
}
