// What a connection does when something has come for it, or nothing in time: reading, and who is woken or told.

internal import CIPCShim
internal import Glibc

extension ServerCore {
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
    if mayWrite, !connection.record.output.isEmpty { _ = connection.flush() }
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
    case .handled, .starting: _ = connection.flush()
    case .lingering: linger(connection)
    }
  }

  private func awaitFirstByte(_ connection: ConnectionReference) {
    switch connection.readInput(framing) {
    case .bytes: start(connection)
    case .nothing: rest(connection)
    // Who says nothing and goes needs no handler.
    case .end: close(connection)
    case .failed:
      // What was wrong with descriptors is the handler's to answer.
      if connection.record.descriptors?.failure != nil { return start(connection) }
      fail(connection, connection.readFailure())
    }
  }

  /// Before a connection waits: its memory goes back, it is watched, and its time runs.
  @inline(__always)
  func rest(_ connection: ConnectionReference) {
    connection.record.input.settle(into: &core.buffers)
    connection.record.output.settle(into: &core.buffers)
    // Between frames, a server that ends has nothing more to hear.
    if state.phase == .draining, connection.record.input.unreadCount == 0 {
      guard mayStillSpeak(connection) else { return end(connection, drainingUntil: nil) }
      return awaitLastWord(connection)
    }
    do throws(SystemError) { try connection.register() } catch { return fail(connection, IPCError.system(error)) }
    // The time of a frame that has come in parts ends with it.
    if state.limitsSilence || connection.record.input.unreadCount > 0
      || core.slots.hasTimer(connection.record.slot, .read)
    {
      armTimer(connection)
    }
  }

  /// Whether a connection of a server that ends may be about to say its first word: who has just connected says it in a
  /// moment, and would not understand an end without an answer.
  private func mayStillSpeak(_ connection: ConnectionReference) -> Bool {
    !connection.record.hasSpoken && connection.record.output.isEmpty && !state.lastWord.hasPassed
  }

  private func awaitLastWord(_ connection: ConnectionReference) {
    do throws(SystemError) { try connection.register() } catch { return fail(connection, IPCError.system(error)) }
    core.slots.setTimer(connection.record.slot, .read, state.lastWord)
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
      connection.noteFrameStart()
      return core.slots.setTimer(connection.record.slot, .read, connection.frameDeadline())
    }
    connection.record.frameStart = 0
    guard state.limitsSilence else { return core.slots.clearTimer(connection.record.slot, .read) }
    core.slots.setTimer(connection.record.slot, .read, connection.silenceDeadline())
  }

  /// A connection's time is up.
  func deadlinePassed(_ connection: ConnectionReference, _ interest: Interest) {
    // Its conversation has ended already; only its peer was waited for.
    if connection.record.mode == .lingering { return close(connection) }
    // It was not to say anything any more.
    if state.phase == .draining, !connection.record.hasSpoken, connection.record.mode != .handled {
      return close(connection)
    }
    if interest == .write {
      connection.record.isStalled = true
      state.counts.add(.deadlines)
      guard connection.record.mode == .handled else {
        report(IPCError.deadlineExceeded(operation: "write"))
        return close(connection)
      }
      return core.wake(connection.record.slot, .read, .deadline)
    }
    state.counts.add(.deadlines)
    giveUp(connection, .deadlineExceeded(operation: "read"))
  }
}
