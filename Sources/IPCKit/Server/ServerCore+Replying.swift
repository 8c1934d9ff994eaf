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
      if connection.record.input.unreadCount == 0, !state.takesDescriptors {
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
  private enum Outcome: UInt8 {
    case goOn
    case end
    case handOver
    /// The peer is to read before it is answered further.
    case wait
    /// A mistake of the peer's, which the handler may answer; the error is kept with the server.
    case mistaken
    /// An error of the handler's own; kept there too.
    case failed
  }

  /// Hands all complete frames to the handler, and sends its replies; `consumed` is how many bytes the frames were.
  @inline(__always)
  @unsafe private func answerFrames(
    _ connection: ConnectionReference, _ bytes: UnsafeRawBufferPointer, _ consumed: inout Int, _ searched: inout Int
  ) -> Outcome {
    guard let base = bytes.baseAddress else { return .goOn }
    var reply = ReplyHandler.Reply(connection)
    var (frames, position, outcome) = (0, 0, Outcome.goOn)
    let (framing, limit, takesDescriptors) = (framing, limits.frameLength, state.takesDescriptors)
    repeat {
      // Within the bytes, as the position is.
      let rest = unsafe base + position
      do throws(IPCError) {
        let count = bytes.count &- position
        guard let frame = unsafe try framing.firstFrame(in: rest, count, searched: &searched, limit: limit) else {
          break
        }
        if takesDescriptors { try connection.record.descriptors?.checkFrame(of: frame.total) }
        frames &+= 1
        let view = unsafe UnsafeRawBufferPointer(start: rest + frame.prefix, count: frame.count)
        outcome = handle(connection, unsafe RawSpan(_unsafeBytes: view), &reply)
        if outcome == .handOver { break }
        position = position &+ frame.total
        if takesDescriptors { connection.record.descriptors?.droppedFrame(of: frame.total) }
        searched = 0
      } catch {
        outcome = failed(.mistaken, error)
      }
    } while outcome == .goOn && position < bytes.count
    if frames > 0 { connection.record.frameStart = 0 }
    consumed = position
    state.counts.add(.frames, frames)
    reply.commit()
    if connection.sendReplies() { return outcome }
    return outcome == .goOn ? .wait : outcome
  }

  /// Keeps an error for ``finish(_:_:)``: it does not travel with the outcome, which every frame has.
  private func failed(_ outcome: Outcome, _ error: any Error) -> Outcome {
    state.error = error
    return outcome
  }

  /// Hands one frame to the handler.
  @inline(__always)
  private func handle(
    _ connection: ConnectionReference, _ frame: RawSpan, _ reply: inout ReplyHandler.Reply
  ) -> Outcome {
    reply.begin()
    do {
      try replyHandler.frame(frame, &reply)
    } catch {
      return failed(.failed, error)
    }
    if reply.outcome == .goOn { return reply.count < mostCollected ? .goOn : sendMany(connection, &reply) }
    return reply.outcome == .end ? .end : .handOver
  }

  /// Sends replies in the middle of many frames. That to one frame may be as long as the peer may leave unread.
  private func sendMany(_ connection: ConnectionReference, _ reply: inout ReplyHandler.Reply) -> Outcome {
    let length = reply.countOfFrame
    guard length <= limits.unreadOutput else {
      reply.takeBack()
      return failed(.failed, IPCError.peer(.outputTooLong(limit: limits.unreadOutput, unread: length)))
    }
    reply.commit()
    let isSent = connection.sendReplies()
    reply.resume()
    return isSent ? .goOn : .wait
  }

  /// After frames were answered: whether the connection is to be gone on with here.
  @inline(__always)
  private func goesOn(_ connection: ConnectionReference, _ outcome: Outcome) -> Bool {
    if outcome == .goOn { return true }
    finish(connection, outcome)
    return false
  }

  private func finish(_ connection: ConnectionReference, _ outcome: Outcome) {
    switch outcome {
    case .goOn: break
    case .wait: endIfBroken(connection)
    case .end:
      _ = connection.sendReplies()
      end(connection, drainingUntil: nil)
    case .handOver:
      _ = connection.sendReplies()
      start(connection)
    case .mistaken:
      if let error = takeError() as? IPCError { giveUp(connection, error) }
    case .failed:
      _ = connection.sendReplies()
      if let error = takeError() { fail(connection, error) }
    }
  }

  private func takeError() -> (any Error)? {
    defer { state.error = nil }
    return state.error
  }

  /// The peer has ended its sending: a last frame may be left, and the handler may have a last word.
  private func answerEnd(_ connection: ConnectionReference) {
    var reply = ReplyHandler.Reply(connection)
    let last: FrameExtent?
    do throws(IPCError) {
      last = try connection.record.input.lastFrame(framing)
      if let last { try connection.record.descriptors?.checkFrame(of: last.total) }
    } catch {
      return finish(connection, failed(.mistaken, error))
    }
    var outcome = Outcome.goOn
    if let last {
      state.counts.add(.frames)
      // The handler does not touch what the view shows.
      let view = unsafe connection.record.input.viewUnsafe(last)
      outcome = handle(connection, unsafe RawSpan(_unsafeBytes: view), &reply)
      if outcome != .handOver {
        connection.record.input.skip(last)
        connection.record.descriptors?.droppedFrame(of: last.total)
      }
    }
    // Nothing more comes, so nobody waits for room: the last word goes behind what waits for it.
    if outcome == .goOn || outcome == .wait {
      do {
        try replyHandler.end(&reply)
        outcome = reply.outcome == .handOver ? .handOver : .end
      } catch {
        outcome = failed(.failed, error)
      }
    }
    reply.commit()
    finish(connection, outcome)
  }

  /// Ends a connection that cannot be read on from: the handler may say why, and the peer can read it.
  func giveUp(_ connection: ConnectionReference, _ error: IPCError) {
    if connection.record.mode == .replying {
      var reply = ReplyHandler.Reply(connection)
      replyHandler.failure(error, &reply)
      reply.commit()
      _ = connection.sendReplies()
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
    let error = SystemError(errno: CInt(connection.record.writeErrno), operation: "write")
    report(IPCError.system(error))
    close(connection)
  }
}
