// What a connection does when something has come for it: reading, frames, the reply handler, and who is woken.

internal import CIPCShim
internal import Glibc

extension ServerCore {
  /// What a read gave.
  enum ReadOutcome {
    case bytes
    case nothing
    case end
    case failed(SystemError)
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
    if mayWrite { loop.core.wake(slot, .write, .ready) }
    if connection.record.mayRead { loop.core.wake(slot, .read, .ready) }
    if connection.record.isHungUp { loop.core.wake(slot, .hangup, .ready) }
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
    case .failed(let error): fail(connection, IPCError.system(error))
    }
  }

  /// Reads once. A read that does not fill its room has emptied the socket: the next event will say when there is more,
  /// unless a hang-up came, which no event follows.
  func readInput(_ connection: ConnectionReference, _ framing: Framing) -> ReadOutcome {
    connection.record.input.borrow(from: &loop.core.buffers)
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
    return count == 0 ? .end : .failed(SystemError(errno: CInt(-count), operation: "read"))
  }

  /// Before a connection waits: its memory goes back, it is watched, and its time runs.
  func rest(_ connection: ConnectionReference) {
    connection.record.input.settle(into: &loop.core.buffers)
    connection.record.output.settle(into: &loop.core.buffers)
    do throws(SystemError) { try register(connection) } catch { return fail(connection, IPCError.system(error)) }
    armTimer(connection)
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
      return loop.core.slots.setTimer(connection.record.slot, .read, frameDeadline(connection))
    }
    connection.record.frameStart = 0
    let limit = connection.record.mode == .silent ? limits.firstByteTime ?? limits.idleTime : limits.idleTime
    guard let limit else { return loop.core.slots.clearTimer(connection.record.slot, .read) }
    loop.core.slots.setTimer(connection.record.slot, .read, Deadline(nanoseconds: loop.core.now).advanced(by: limit))
  }

  /// The time of a frame counts from its first byte.
  func noteFrameStart(_ connection: ConnectionReference) {
    if connection.record.frameStart == 0 { connection.record.frameStart = loop.core.now }
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
      return loop.core.wake(connection.record.slot, .read, .deadline)
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
      guard answerFrames(connection) else { return }
      guard connection.record.mayRead else { break }
      guard reads < Self.mostReadsInARow else { return goOnLater(connection) }
      reads += 1
      switch readInput(connection, framing) {
      case .bytes: continue
      case .nothing: break
      case .end: return answerEnd(connection)
      case .failed(let error): return fail(connection, IPCError.system(error))
      }
    }
    guard flush(connection) else { return endIfBroken(connection) }
    rest(connection)
  }

  /// Hands all complete frames to the handler; false when the connection is not to be gone on with here.
  private func answerFrames(_ connection: ConnectionReference) -> Bool {
    guard let handler = replyHandler else { return false }
    var reply = ReplyHandler.Reply(connection)
    do {
      while let frame = try nextFrame(connection) {
        counters.add(.frames)
        // The handler writes to the output, never to the input that it looks at.
        let bytes = unsafe RawSpan(_unsafeBytes: connection.record.input.viewUnsafe(frame))
        try handler.frame(bytes, &reply)
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

  private func nextFrame(_ connection: ConnectionReference) throws(IPCError) -> FrameExtent? {
    do throws(PeerError) {
      return try connection.record.input.nextFrame(framing, limit: limits.frameLength)
    } catch {
      throw .peer(error)
    }
  }

  /// After a reply: whether the next frame may be answered.
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
    guard let handler = replyHandler else { return }
    var reply = ReplyHandler.Reply(connection)
    do {
      let last: FrameExtent?
      do throws(PeerError) { last = try connection.record.input.lastFrame(framing) } catch { throw IPCError.peer(error) }
      if let last {
        counters.add(.frames)
        let bytes = unsafe RawSpan(_unsafeBytes: connection.record.input.viewUnsafe(last))
        try handler.frame(bytes, &reply)
        guard reply.outcome != .handOver else { return handOver(connection) }
        connection.record.input.skip(last)
      }
      if reply.outcome != .end { try handler.end(&reply) }
      end(connection, drainingUntil: nil)
    } catch let error as IPCError {
      giveUp(connection, error)
    } catch {
      fail(connection, error)
    }
  }

  /// Ends a connection that cannot be read on from: the handler may say why, and the peer can read it.
  private func giveUp(_ connection: ConnectionReference, _ error: IPCError) {
    if let handler = replyHandler, connection.record.mode == .replying {
      var reply = ReplyHandler.Reply(connection)
      handler.failure(error, &reply)
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
    unsafe loop.core.notifyAtEnd(Slot.Target(receiver: self, token: connection.token))
  }
}
