// What a connection does when something has come for it, or nothing in time: reading, and who is woken or told.

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
    if mayWrite { core.wake(slot, .write, .ready) }
    if connection.record.mayRead { core.wake(slot, .read, .ready) }
    if connection.record.isHungUp { core.wake(slot, .hangup, .ready) }
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
    connection.record.hasSpoken = true
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
    // Between frames, a server that ends has nothing more to hear.
    if state.phase == .draining, connection.record.input.unreadCount == 0 {
      return end(connection, drainingUntil: nil)
    }
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
    core.slots.setTimer(connection.record.slot, .read, silenceDeadline(connection))
  }

  /// By when a silent peer must have said something.
  func silenceDeadline(_ connection: ConnectionReference) -> Deadline {
    let limit = connection.record.hasSpoken ? limits.idleTime : limits.firstByteTime ?? limits.idleTime
    return limit.map { Deadline(nanoseconds: core.now).advanced(by: $0) } ?? .never
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
    // Its conversation has ended already; only its peer was waited for.
    if connection.record.mode == .lingering { return close(connection) }
    if interest == .write {
      connection.record.isStalled = true
      counters.add(.deadlines)
      guard connection.record.mode == .handled else {
        report(IPCError.deadlineExceeded(operation: "write"))
        return close(connection)
      }
      return core.wake(connection.record.slot, .read, .deadline)
    }
    counters.add(.deadlines)
    giveUp(connection, .deadlineExceeded(operation: "read"))
  }
}
