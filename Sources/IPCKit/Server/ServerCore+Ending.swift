// A server's life from listening to its end: well, where a frame has ended; at once, where its task was cancelled; or
// because nobody came for long enough.

internal import Glibc

extension ServerCore {
  /// Begins to listen, and to count idle time.
  func begin(_ listeners: consuming [ListenerBox]) throws(SystemError) {
    for box in listeners {
      guard let listener = box.take() else { continue }
      do throws(SystemError) {
        state.acceptors.append(try Acceptor(listener, reserve: box.takeReserve(), for: self))
      } catch {
        // Those before it are known to the loop, which must not call them when they have ended.
        stopListening()
        throw error
      }
    }
    state.slot = core.slots.take()
    unsafe core.slots[state.slot].target = Slot.Target(
      receiver: self, token: Unmanaged.passUnretained(self).toOpaque())
    armIdleExit()
  }

  /// Stops listening, and notes the first error of removing a path.
  private func stopListening() {
    for acceptor in state.acceptors {
      do throws(SystemError) { try acceptor.close() } catch { state.failure = state.failure ?? error }
    }
  }

  /// Lets nobody in, ends who is between frames, and cancels the rest at the deadline.
  func drain(until deadline: Deadline) {
    guard state.phase == .running else { return }
    state.phase = .draining
    stopListening()
    core.slots.setTimer(state.slot, .write, deadline)
    forEachConnection { endIfIdle($0) }
    if isOver { dismissTasks() }
  }

  /// Ends everything: handlers hear of it where they wait.
  func cancel() {
    guard state.phase != .cancelled else { return }
    state.phase = .cancelled
    state.handlers?.cancel()
    stopListening()
    // Closed with the rest: none of them has begun.
    state.starting.removeAll()
    forEachConnection { connection in
      guard connection.record.mode == .handled else { return close(connection) }
      guard connection.record.slot >= 0 else { return }
      for interest in [Interest.read, .write, .hangup] {
        core.wake(connection.record.slot, interest, .cancelled)
      }
    }
    dismissTasks()
  }

  /// The server's task was cancelled: handlers may finish what they have begun, for as long as the limits say.
  func cancel(afterDraining time: Duration) {
    if time > .zero, state.phase == .running { drain(until: .after(time)) } else { cancel() }
  }

  /// After the last handler: closes who is left, and gives the server's place up.
  /// - Throws: what removing a path has reported.
  func finish() throws(SystemError) {
    forEachConnection { close($0) }
    if state.slot >= 0 { core.slots.give(state.slot) }
    state.slot = -1
    if let failure = state.failure { throw failure }
  }

  func ownDeadlinePassed(_ interest: Interest) {
    if interest == .write { return cancel() }
    idleExit()
  }

  /// Looks at each connection; `body` may end it.
  func forEachConnection(_ body: (ConnectionReference) -> Void) {
    var current = unsafe state.first
    while let address = unsafe current {
      unsafe current = address.pointee.next
      body(unsafe ConnectionReference(address))
    }
  }

  private func endIfIdle(_ connection: ConnectionReference) {
    switch connection.record.mode {
    case .silent: close(connection)
    case .replying:
      if connection.record.input.unreadCount == 0, connection.record.output.isEmpty { close(connection) }
    case .handled:
      // It asks again, and hears that the peer has nothing more to say.
      if connection.record.input.unreadCount == 0, connection.record.slot >= 0 {
        core.wake(connection.record.slot, .read, .ready)
      }
    case .starting, .lingering: break
    }
  }
}

// MARK: - Idle exit

extension ServerCore {
  /// Sets the end of an idle server, if it has one and is idle.
  func armIdleExit() {
    guard let time = limits.idleExit, state.open == 0, state.phase == .running, state.slot >= 0 else { return }
    core.slots.setTimer(state.slot, .read, .after(time))
  }

  func disarmIdleExit() {
    if limits.idleExit != nil, state.slot >= 0 { core.slots.clearTimer(state.slot, .read) }
  }

  /// Ends an idle server, unless somebody waits at the door: accepting stops first, and the door is looked at once more.
  private func idleExit() {
    guard state.open == 0, state.phase == .running else { return }
    for acceptor in state.acceptors { acceptor.accept(atMost: 1) }
    guard state.open == 0 else { return }
    drain(until: .never)
  }
}
