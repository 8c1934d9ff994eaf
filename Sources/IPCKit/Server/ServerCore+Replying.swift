// The reply handler at work: all frames of a read, one send for all their replies, and who has to wait for whom.

internal import Glibc

extension ServerCore {
  /// How often a connection is read in a row, before others have their turn.
  private static let mostReadsInARow = 16

  /// Answers what has come: the frames of a read, then one send for all their replies.
  func reply(_ connection: ConnectionReference) {
    guard connection.flush() else { return endIfBroken(connection) }
    if connection.record.input.unreadCount > 0, !answerUnread(connection) { return }
    var reads = 0
    while connection.record.mayRead {
      guard reads < Self.mostReadsInARow else { return later(connection) }
      reads += 1
      if connection.record.input.unreadCount == 0 {
        guard answerAtOnce(connection) else { return }
      } else {
        guard readMore(connection) else { return }
      }
    }
    rest(connection)
  }

  /// Reads where nothing waits, and answers out of the loop's own memory; false when there is no going on here.
  @inline(__always)
  private func answerAtOnce(_ connection: ConnectionReference) -> Bool {
    let count = core.input.read(from: connection.record.descriptor)
    guard count > 0 else { return readNothing(connection, connection.note(count)) }
    connection.noteRead(Int(count), filled: count == SharedInput.size)
    // Nobody reads there again before the handler has returned.
    let bytes = unsafe core.input.bytes(Int(count))
    var (consumed, searched) = (0, 0)
    let outcome = unsafe answerFrames(connection, bytes, &consumed, &searched)
    if consumed < bytes.count {
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[consumed...])
      unsafe connection.record.input.keep(rest, searched: searched, for: framing)
    }
    return goesOn(connection, outcome)
  }

  /// Answers what waits in the connection's own memory.
  private func answerUnread(_ connection: ConnectionReference) -> Bool {
    var (consumed, searched) = (0, connection.record.input.searched(for: framing))
    // The handler does not touch what the view shows.
    let outcome = unsafe answerFrames(connection, connection.record.input.unreadUnsafe, &consumed, &searched)
    connection.record.input.skip(consumed)
    connection.record.input.noteSearched(searched, for: framing)
    return goesOn(connection, outcome)
  }

  private func readMore(_ connection: ConnectionReference) -> Bool {
    let outcome = connection.readInput(framing)
    return outcome == .bytes ? answerUnread(connection) : readNothing(connection, outcome)
  }

  private func readNothing(_ connection: ConnectionReference, _ outcome: ConnectionReference.ReadOutcome) -> Bool {
    switch outcome {
    case .bytes, .nothing: return true
    case .end: answerEnd(connection)
    case .failed: fail(connection, connection.readFailure())
    }
    return false
  }

  /// What became of the frames that were handed to the handler.
  private enum Outcome {
    case goOn
    case end
    case handOver
    /// The peer is to read before it is answered further.
    case wait
    /// The peer's mistake, which the handler may answer.
    case mistaken(IPCError)
    /// The handler's own error.
    case failed(any Error)
  }

  /// Hands all complete frames to the handler; `consumed` is how many bytes they were.
  @inline(__always)
  @unsafe private func answerFrames(
    _ connection: ConnectionReference, _ bytes: UnsafeRawBufferPointer, _ consumed: inout Int, _ searched: inout Int
  ) -> Outcome {
    guard let base = bytes.baseAddress else { return .goOn }
    let (framing, limit) = (framing, limits.frameLength)
    var reply = ReplyHandler.Reply(connection)
    do {
      while consumed < bytes.count {
        // Within the bytes, as `consumed` is.
        let rest = unsafe base + consumed
        let count = bytes.count &- consumed
        let found: FrameExtent?
        do throws(IPCError) {
          found = unsafe try framing.firstFrame(in: rest, count, searched: &searched, limit: limit)
        } catch {
          return .mistaken(error)
        }
        guard let frame = found else { break }
        let view = unsafe UnsafeRawBufferPointer(start: rest + frame.prefix, count: frame.count)
        try handle(connection, unsafe RawSpan(_unsafeBytes: view), &reply)
        if reply.outcome == .handOver { return .handOver }
        consumed = consumed &+ frame.total
        searched = 0
        if reply.outcome == .end { return .end }
        if core.replies.count >= mostCollected, !sendReplies(connection) { return .wait }
      }
      return sendReplies(connection) ? .goOn : .wait
    } catch {
      return .failed(error)
    }
  }

  /// Hands one frame to the handler, whose reply may be as long as the peer may leave unread.
  @inline(__always)
  private func handle(
    _ connection: ConnectionReference, _ frame: RawSpan, _ reply: inout ReplyHandler.Reply
  ) throws {
    connection.record.frameStart = 0
    state.counts.add(.frames)
    let before = core.replies.count
    try replyHandler.frame(frame, &reply)
    let length = core.replies.count &- before
    guard length <= limits.unreadOutput else {
      core.replies.truncate(to: before)
      throw IPCError.peer(.outputTooLong(limit: limits.unreadOutput, unread: length))
    }
  }

  /// Sends what the handler has written; what the peer has no room for becomes the connection's.
  /// - Returns: whether all of it is sent.
  @inline(__always)
  private func sendReplies(_ connection: ConnectionReference) -> Bool {
    guard !core.replies.isEmpty else { return connection.record.output.isEmpty }
    let sent = core.replies.send(to: connection.record.descriptor)
    if sent > 0 { state.counts.add(.bytesSent, Int(sent)) }
    return core.replies.isEmpty || keepReplies(connection)
  }

  /// Makes the replies that were not sent the connection's, and sends on.
  private func keepReplies(_ connection: ConnectionReference) -> Bool {
    swap(&connection.record.output, &core.replies)
    return connection.flush()
  }

  /// After frames were answered: whether the connection is to be gone on with here.
  @inline(__always)
  private func goesOn(_ connection: ConnectionReference, _ outcome: Outcome) -> Bool {
    if case .goOn = outcome { return true }
    finish(connection, outcome)
    return false
  }

  private func finish(_ connection: ConnectionReference, _ outcome: Outcome) {
    switch outcome {
    case .goOn: break
    case .wait: endIfBroken(connection)
    case .end:
      _ = sendReplies(connection)
      end(connection, drainingUntil: nil)
    case .handOver:
      _ = sendReplies(connection)
      start(connection)
    case .mistaken(let error): giveUp(connection, error)
    case .failed(let error):
      _ = sendReplies(connection)
      fail(connection, error)
    }
  }

  /// The peer has ended its sending: a last frame may be left, and the handler may have a last word.
  private func answerEnd(_ connection: ConnectionReference) {
    var reply = ReplyHandler.Reply(connection)
    let last: FrameExtent?
    do throws(IPCError) { last = try connection.record.input.lastFrame(framing) } catch {
      return finish(connection, .mistaken(error))
    }
    do {
      if let last {
        // The handler does not touch what the view shows.
        try handle(connection, unsafe RawSpan(_unsafeBytes: connection.record.input.viewUnsafe(last)), &reply)
        guard reply.outcome != .handOver else { return finish(connection, .handOver) }
        connection.record.input.skip(last)
      }
      if reply.outcome != .end { try replyHandler.end(&reply) }
      finish(connection, .end)
    } catch {
      finish(connection, .failed(error))
    }
  }

  /// Ends a connection that cannot be read on from: the handler may say why, and the peer can read it.
  func giveUp(_ connection: ConnectionReference, _ error: IPCError) {
    if connection.record.mode == .replying {
      var reply = ReplyHandler.Reply(connection)
      replyHandler.failure(error, &reply)
      _ = sendReplies(connection)
    }
    fail(connection, error)
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
