// The reply handler at work: all frames of a read, one send for all their replies, and who has to wait for whom.

internal import Glibc

extension ServerCore {
  /// How often a connection is read in a row, before others have their turn.
  private static let mostReadsInARow = 16
  /// How many bytes of replies are collected before they are sent.
  static let mostCollected = 1 << 16

  /// Answers what has come: all frames of a read, then one send for all their replies.
  func reply(_ connection: ConnectionReference) {
    guard connection.flush() else { return endIfBroken(connection) }
    var reads = 0
    while true {
      if connection.record.input.unreadCount > 0, !answerFrames(connection) { return }
      guard connection.record.mayRead else { break }
      guard reads < Self.mostReadsInARow else { return goOnLater(connection) }
      reads += 1
      switch connection.readInput(framing) {
      case .bytes: continue
      case .nothing: break
      case .end: return answerEnd(connection)
      case .failed: return fail(connection, connection.readFailure())
      }
    }
    guard connection.flush() else { return endIfBroken(connection) }
    rest(connection)
  }

  /// Hands all complete frames to the handler; false when the connection is not to be gone on with here.
  @inline(__always)
  private func answerFrames(_ connection: ConnectionReference) -> Bool {
    var reply = ReplyHandler.Reply(connection)
    do {
      while connection.record.input.unreadCount > 0, let frame = try connection.nextFrame(framing) {
        state.counts.add(.frames)
        // The handler writes to the output, never to the input that it looks at.
        let bytes = unsafe RawSpan(_unsafeBytes: connection.record.input.viewUnsafe(frame))
        try replyHandler.frame(bytes, &reply)
        guard reply.outcome != .handOver else {
          handOver(connection)
          return false
        }
        connection.record.input.skip(frame)
        connection.record.frameStart = 0
        guard goesOn(connection, reply.outcome) else { return false }
      }
      return true
    } catch let error as IPCError {
      giveUp(connection, error)
    } catch {
      fail(connection, error)
    }
    return false
  }

  /// After a reply: whether the next frame may be answered.
  @inline(__always)
  private func goesOn(_ connection: ConnectionReference, _ outcome: ReplyHandler.Reply.Outcome) -> Bool {
    if outcome == .end {
      end(connection, drainingUntil: nil)
      return false
    }
    guard connection.record.output.count >= Self.mostCollected else { return true }
    guard connection.record.output.count <= limits.unreadOutput else {
      report(IPCError.peer(.outputTooLong(limit: limits.unreadOutput, unread: connection.record.output.count)))
      close(connection)
      return false
    }
    // Who does not read is not answered further.
    if connection.flush() { return true }
    endIfBroken(connection)
    return false
  }

  /// The peer has ended its sending: a last frame may be left, and the handler may have a last word.
  private func answerEnd(_ connection: ConnectionReference) {
    var reply = ReplyHandler.Reply(connection)
    do {
      if let last = try connection.record.input.lastFrame(framing) {
        state.counts.add(.frames)
        let bytes = unsafe RawSpan(_unsafeBytes: connection.record.input.viewUnsafe(last))
        try replyHandler.frame(bytes, &reply)
        guard reply.outcome != .handOver else { return handOver(connection) }
        connection.record.input.skip(last)
      }
      if reply.outcome != .end { try replyHandler.end(&reply) }
      end(connection, drainingUntil: nil)
    } catch let error as IPCError {
      giveUp(connection, error)
    } catch {
      fail(connection, error)
    }
  }

  /// Ends a connection that cannot be read on from: the handler may say why, and the peer can read it.
  func giveUp(_ connection: ConnectionReference, _ error: IPCError) {
    if connection.record.mode == .replying {
      var reply = ReplyHandler.Reply(connection)
      replyHandler.failure(error, &reply)
    }
    fail(connection, error)
  }

  private func handOver(_ connection: ConnectionReference) {
    _ = connection.flush()
    start(connection)
  }

  private func goOnLater(_ connection: ConnectionReference) {
    guard connection.flush() else { return endIfBroken(connection) }
    later(connection)
  }

  /// Has the connection gone on with at the end of the turn.
  func later(_ connection: ConnectionReference) {
    guard !connection.record.isDeferred else { return }
    connection.record.isDeferred = true
    unsafe core.notifyAtEnd(Slot.Target(receiver: self, token: connection.token))
  }

  /// Ends a connection whose peer takes nothing any more; one that is only slow is waited for.
  func endIfBroken(_ connection: ConnectionReference) {
    guard connection.record.writeErrno != 0 else { return }
    let error = SystemError(errno: connection.record.writeErrno, operation: "write")
    report(IPCError.system(error))
    close(connection)
  }
}
