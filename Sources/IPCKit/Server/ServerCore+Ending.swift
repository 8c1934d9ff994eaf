// A server's life on one loop: until it is told to end, well, where a frame has ended, or at once.

extension ServerCore {
  /// Takes its place in the loop's table.
  func begin() {
    state.slot = core.slots.take()
    unsafe core.slots[state.slot].target = Slot.Target(
      receiver: self, token: Unmanaged.passUnretained(self).toOpaque())
  }

  /// Ends who is between frames, and cancels the rest at the deadline.
  func drain(until deadline: Deadline) {
    guard state.phase == .running else { return }
    state.phase = .draining
    state.lastWord = .after(limits.lastWordTime)
    core.slots.setTimer(state.slot, .write, deadline)
    forEachConnection { endIfIdle($0) }
    if isOver { dismissTasks() }
  }

  /// Ends everything: handlers hear of it where they wait.
  func cancel() {
    guard state.phase != .cancelled else { return }
    state.phase = .cancelled
    state.handlers?.cancel()
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

  /// After the last handler: closes who is left, and gives the server's place up. A cancellation that comes later finds
  /// nothing to cancel, and no place.
  func finish() {
    state.phase = .cancelled
    forEachConnection { close($0) }
    core.slots.give(state.slot)
    state.slot = -1
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
    case .silent, .replying:
      // What it has said, and nobody has heard yet, is served; then it rests, which is its end.
      connection.record.mayRead = true
      goOn(connection)
    case .handled:
      // It asks again, and hears that the peer has nothing more to say.
      if connection.record.input.unreadCount == 0, connection.record.slot >= 0 {
        core.wake(connection.record.slot, .read, .ready)
      }
    case .starting, .lingering: break
    }
  }
}
