// What a connection does when something has come for it: reading, frames, the reply handler, and who is woken.

internal import CIPCShim
internal import Glibc

extension ServerCore {
  /// What a read gave.
  enum ReadOutcome {
    case bytes
    case nothing
    case end
    case failed
  }

  /// Notes events and goes on with the connection that they are for.
  func received(_ connection: ConnectionReference, _ events: UInt32) {
    let hasHungUp = events & (IPC_HANGUP | IPC_ERROR) != 0
    if hasHungUp || events & (IPC_READABLE | IPC_READ_HANGUP) != 0 { connection.record.mayRead = true }
    if hasHungUp || events & IPC_READ_HANGUP != 0 { connection.record.readsToTheEnd = true }
    if hasHungUp { connection.record.isHungUp = true }
    let mayWrite = hasHungUp || events & IPC_WRITABLE != 0
    if connection.record.mode == .handled { return wake(connection, mayWrite: mayWrite) }
    if mayWrite || connection.record.mayRead { goOn(connection) }
  }

  private func wake(_ connection: ConnectionReference, mayWrite: Bool) {
    if mayWrite, !connection.record.output.isEmpty { _ = flush(connection) }
    let slot = connection.record.slot
    if mayWrite { loop.wake(slot, .write, .ready) }
    if connection.record.mayRead { loop.wake(slot, .read, .ready) }
    if connection.record.isHungUp { loop.wake(slot, .hangup, .ready) }
  }

  /// Goes on with a connection as far as it comes without waiting.
  func goOn(_ connection: ConnectionReference) {
    switch connection.record.mode {
    case .replying: reply(connection)
    case .silent: awaitFirstByte(connection)
    case .handled: _ = flush(connection)
    case .lingering: linger(connection)
    case .starting: break
    }
  }

  private func awaitFirstByte(_ connection: ConnectionReference) {
    switch readInput(connection, framing) {
    case .bytes: start(connection)
    case .nothing: rest(connection)
    // Who says nothing and goes needs no handler.
    case .end: close(connection)
    case .failed: fail(connection, readFailure(connection))
    }
  }

  /// Reads once. A read that does not fill its room has emptied the socket: the next event will say when there is more,
  /// unless a hang-up came, which no event follows.
  @inline(__always)
  func readInput(_ connection: ConnectionReference, _ framing: Framing) -> ReadOutcome {
    connection.record.input.borrow(from: &core.buffers)
    let (count, filled) = connection.record.input.read(
      from: connection.record.descriptor, first: BufferPool.size, most: framing.room(for: limits.frameLength))
    guard count > 0 else { return note(connection, count) }
    counters.add(.bytesReceived, Int(count))
    connection.record.mayRead = filled || connection.record.readsToTheEnd
    return .bytes
  }

  private func note(_ connection: ConnectionReference, _ count: Int64) -> ReadOutcome {
    connection.record.mayRead = false
    if count == -Int64(EAGAIN) { return .nothing }
    connection.record.sawEnd = true
    connection.record.readErrno = CInt(-count)
    return count == 0 ? .end : .failed
  }

  /// Why the last read failed.
  func readFailure(_ connection: ConnectionReference) -> IPCError {
    .system(SystemError(errno: connection.record.readErrno, operation: "read"))
  }

  /// Before a connection waits: its memory goes back, it is watched, and its time runs.
  @inline(__always)
  func rest(_ connection: ConnectionReference) {
    connection.record.input.settle(into: &core.buffers)
    connection.record.output.settle(into: &core.buffers)
    do throws(SystemError) { try register(connection) } catch { return fail(connection, IPCError.system(error)) }
    if limitsSilence || connection.record.input.unreadCount > 0 || connection.record.frameStart > 0 {
      armTimer(connection)
    }
  }

  /// Ends a connection by an error of its own.
  func fail(_ connection: ConnectionReference, _ error: any Error) {
    report(error)
    end(connection, drainingUntil: nil)
  }
}

// MARK: - Time

extension ServerCore {
  /// Sets the moment by which something must have come, if there is one.
  private func armTimer(_ connection: ConnectionReference) {
    if connection.record.input.unreadCount > 0 {
      noteFrameStart(connection)
      return core.slots.setTimer(connection.record.slot, .read, frameDeadline(connection))
    }
    connection.record.frameStart = 0
    guard limitsSilence else { return core.slots.clearTimer(connection.record.slot, .read) }
    let limit = connection.record.mode == .silent ? limits.firstByteTime ?? limits.idleTime : limits.idleTime
    guard let limit else { return core.slots.clearTimer(connection.record.slot, .read) }
    core.slots.setTimer(connection.record.slot, .read, Deadline(nanoseconds: core.now).advanced(by: limit))
  }

  /// The time of a frame counts from its first byte.
  func noteFrameStart(_ connection: ConnectionReference) {
    if connection.record.frameStart == 0 { connection.record.frameStart = core.now }
  }

  /// By when the frame that is on its way must have come.
  func frameDeadline(_ connection: ConnectionReference) -> Deadline {
    Deadline(nanoseconds: connection.record.frameStart).advanced(by: limits.frameTime)
  }

  /// A connection's time is up.
  func deadlinePassed(_ connection: ConnectionReference, _ interest: Interest) {
    counters.add(.deadlines)
    if connection.record.mode == .lingering { return close(connection) }
    if interest == .write {
      connection.record.isStalled = true
      guard connection.record.mode == .handled else {
        report(IPCError.deadlineExceeded(operation: "write"))
        return close(connection)
      }
      return loop.wake(connection.record.slot, .read, .deadline)
    }
    giveUp(connection, .deadlineExceeded(operation: "read"))
  }
}

// MARK: - Replying

extension ServerCore {
  /// How often a connection is read in a row, before others have their turn.
  private static let mostReadsInARow = 16
  /// How many bytes of replies are collected before they are sent.
  static let mostCollected = 1 << 16

  /// Answers what has come: all frames of a read, then one send for all their replies.
  private func reply(_ connection: ConnectionReference) {
    guard flush(connection) else { return endIfBroken(connection) }
    var reads = 0
    while true {
      if connection.record.input.unreadCount > 0, !answerFrames(connection) { return }
      guard connection.record.mayRead else { break }
      guard reads < Self.mostReadsInARow else { return goOnLater(connection) }
      reads += 1
      switch readInput(connection, framing) {
      case .bytes: continue
      case .nothing: break
      case .end: return answerEnd(connection)
      case .failed: return fail(connection, readFailure(connection))
      }
    }
    guard flush(connection) else { return endIfBroken(connection) }
    rest(connection)
  }

  /// Hands all complete frames to the handler; false when the connection is not to be gone on with here.
  @inline(__always)
  private func answerFrames(_ connection: ConnectionReference) -> Bool {
    var reply = ReplyHandler.Reply(connection)
    do {
      while connection.record.input.unreadCount > 0, let frame = try nextFrame(connection) {
        counters.add(.frames)
        // The handler writes to the output, never to the input that it looks at.
        let bytes = unsafe RawSpan(_unsafeBytes: connection.record.input.viewUnsafe(frame))
        try replyHandler.frame(bytes, &reply)
        guard reply.outcome != .handOver else {
          handOver(connection)
          return false
        }
        connection.record.input.skip(frame)
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

  @inline(__always)
  private func nextFrame(_ connection: ConnectionReference) throws(IPCError) -> FrameExtent? {
    do throws(PeerError) {
      return try connection.record.input.nextFrame(framing, limit: limits.frameLength)
    } catch {
      throw .peer(error)
    }
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
    if flush(connection) { return true }
    endIfBroken(connection)
    return false
  }

  /// The peer has ended its sending: a last frame may be left, and the handler may have a last word.
  private func answerEnd(_ connection: ConnectionReference) {
    var reply = ReplyHandler.Reply(connection)
    do {
      let last: FrameExtent?
      do throws(PeerError) { last = try connection.record.input.lastFrame(framing) } catch { throw IPCError.peer(error) }
      if let last {
        counters.add(.frames)
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
  private func giveUp(_ connection: ConnectionReference, _ error: IPCError) {
    if connection.record.mode == .replying {
      var reply = ReplyHandler.Reply(connection)
      replyHandler.failure(error, &reply)
    }
    fail(connection, error)
  }

  private func handOver(_ connection: ConnectionReference) {
    _ = flush(connection)
    start(connection)
  }

  private func goOnLater(_ connection: ConnectionReference) {
    guard flush(connection) else { return endIfBroken(connection) }
    later(connection)
  }

  /// Has the connection gone on with at the end of the turn.
  func later(_ connection: ConnectionReference) {
    guard !connection.record.isDeferred else { return }
    connection.record.isDeferred = true
    unsafe core.notifyAtEnd(Slot.Target(receiver: self, token: connection.token))
  }
}
