// Connections come and go: the list, the counts, and the end.

internal import Glibc

extension ServerCore {
  /// Serves a connection that was let in.
  func take(_ descriptor: consuming FileDescriptor, _ peer: PeerCredentials?) {
    let mode: ConnectionRecord.Mode = replies ? .replying : .silent
    let record = ConnectionRecord(descriptor, mode, of: self, peer: peer)
    let connection = ConnectionReference(record, in: &state.records)
    link(connection)
    if !replies, !startsAtFirstByte { return start(connection) }
    // What the client has sent already is read at once: with luck, it needs no place in the kernel's table.
    goOn(connection)
  }

  private func link(_ connection: ConnectionReference) {
    if let first = unsafe state.first {
      unsafe first.pointee.previous = connection.pointer
      unsafe connection.record.next = first
    }
    unsafe state.first = connection.pointer
    state.open += 1
    state.counts.add(.open)
  }

  private func unlink(_ connection: ConnectionReference) {
    let (previous, next) = unsafe (connection.record.previous, connection.record.next)
    if let previous = unsafe previous { unsafe previous.pointee.next = next } else { unsafe state.first = next }
    if let next = unsafe next { unsafe next.pointee.previous = previous }
    state.open -= 1
  }

  /// Ends a connection now, whatever is under way.
  func close(_ connection: ConnectionReference) {
    if connection.record.slot >= 0 {
      core.unregister(connection.record.slot, connection.record.descriptor.number)
    }
    if connection.record.isDeferred { unsafe core.forgetAtEnd(connection.token) }
    let peer = connection.record.peer
    unlink(connection)
    _ = connection.record.input.drop()
    connection.record.input.settle(into: &core.buffers)
    connection.record.output.drop()
    connection.record.output.settle(into: &core.buffers)
    connection.end()
    // Only now: who reads the count on another thread finds the descriptor closed.
    state.counts.add(.open, -1)
    let wasLast = state.crowd?.leave(peer, loop: index) ?? false
    if wasLast, state.limits.idleExit != nil { unsafe entrance?.becameEmpty() }
    if state.open == 0, state.phase == .draining { dismissTasks() }
  }
}
