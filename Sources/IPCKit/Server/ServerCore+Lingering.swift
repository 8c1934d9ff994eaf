// How a conversation ends: the last reply is sent, sending shut down, what still comes drained up to a bound and a moment,
// and only then the socket closed. Closing with unread input would give the peer ECONNRESET instead of the reply.

internal import Glibc

extension ServerCore {
  /// How long a peer may take to hear that the conversation is over.
  private static let farewell = Duration.seconds(1)
  /// How much of what nobody asked for is drained.
  private static let mostDrained = 1 << 24

  /// Ends a conversation, without a task that waits for it.
  /// - Parameter deadline: until when the rest is sent, and what the peer still sends is drained; nil to drain only where it
  ///   has sent what nobody read, and to send for as long as it takes something.
  func end(_ connection: ConnectionReference, drainingUntil deadline: Deadline?) {
    connection.record.mode = .lingering
    connection.record.number = connection.record.input.drop()
    connection.record.input.settle(into: &core.buffers)
    if state.takesDescriptors { connection.record.descriptors = nil }
    guard state.phase != .cancelled else {
      _ = connection.flush()
      return close(connection)
    }
    let hasUnread = connection.record.number > 0 || connection.record.mayRead
    connection.record.drains = !connection.record.sawEnd && (hasUnread || deadline != nil)
    if connection.record.drains {
      connection.record.lingersUntil = (deadline ?? .after(Self.farewell)).nanoseconds
    }
    if let deadline, !connection.record.output.isEmpty {
      do throws(SystemError) { try connection.register() } catch { return close(connection) }
      core.slots.setTimer(connection.record.slot, .read, deadline)
    }
    linger(connection)
  }

  /// Goes on with the end, as far as it comes without waiting.
  func linger(_ connection: ConnectionReference) {
    guard connection.flush() else {
      // Either more of it fits later, or nobody reads it.
      if connection.record.writeErrno != 0 { close(connection) }
      return
    }
    guard connection.record.drains || hasMore(connection) else { return close(connection) }
    if !connection.record.isShutDown {
      connection.record.isShutDown = true
      do throws(SystemError) {
        try connection.record.descriptor.shutdownSending()
        try connection.register()
      } catch {
        return close(connection)
      }
      let limit = Deadline(nanoseconds: connection.record.lingersUntil)
      core.slots.setTimer(connection.record.slot, .read, limit)
    }
    drainInput(connection)
  }

  /// Looks once more before it closes: what came while the last reply was made would break it.
  private func hasMore(_ connection: ConnectionReference) -> Bool {
    guard !connection.record.sawEnd, discard(connection) else { return false }
    connection.record.drains = true
    connection.record.lingersUntil = Deadline.after(Self.farewell).nanoseconds
    return true
  }

  private func drainInput(_ connection: ConnectionReference) {
    while connection.record.mayRead, connection.record.number < Self.mostDrained {
      if !discard(connection) { break }
    }
    if connection.record.sawEnd || connection.record.number >= Self.mostDrained { close(connection) }
  }

  /// Reads once, for nobody; whether something came.
  private func discard(_ connection: ConnectionReference) -> Bool {
    let count = core.input.read(from: connection.record.descriptor)
    guard count > 0 else {
      _ = connection.note(count)
      return false
    }
    // A read that ends where descriptors were sent may have left more.
    let filled = count == SharedInput.size || state.takesDescriptors
    connection.noteRead(Int(count), filled: filled)
    connection.record.number += Int(count)
    return true
  }
}
