// Connections come and go: admission, the list, the counts, and the two ways to end one.

internal import Glibc

extension ServerCore {
  /// Whether anybody asks who connects.
  private var needsPeer: Bool { policy.asksForPeer || mostOfOneUser != .max }

  /// Takes a connection in, or turns it away before a byte is read.
  func admit(_ descriptor: consuming FileDescriptor) {
    state.counts.add(.accepted)
    guard state.open < mostConnections else { return refuse(.tooManyConnections, nil) }
    var peer: PeerCredentials?
    if needsPeer {
      do throws(SystemError) { peer = try descriptor.peerCredentials() } catch { return report(error) }
      if let peer, !policy.admits(peer) { return refuse(.notAllowed, peer) }
      if let peer, mostOfOneUser != .max, !state.users.enter(peer.userID, most: mostOfOneUser) {
        return refuse(.tooManyOfOneUser, peer)
      }
    }
    let mode: ConnectionRecord.Mode = replies ? .replying : .silent
    let record = ConnectionRecord(descriptor, mode, of: self, peer: peer)
    let connection = ConnectionReference(record, in: &state.records)
    link(connection)
    if !replies, !startsAtFirstByte { return start(connection) }
    // What the client has sent already is read at once: with luck, it needs no place in the kernel's table.
    goOn(connection)
  }

  func refuse(_ reason: Server.Refusal, _ peer: PeerCredentials?) {
    state.counts.add(reason.count)
    observe(.refused(reason, peer))
  }

  private func link(_ connection: ConnectionReference) {
    if let first = unsafe state.first {
      unsafe first.pointee.previous = connection.pointer
      unsafe connection.record.next = first
    }
    unsafe state.first = connection.pointer
    state.open += 1
    state.counts.add(.open)
    if state.open == 1 { disarmIdleExit() }
  }

  private func unlink(_ connection: ConnectionReference) {
    let (previous, next) = unsafe (connection.record.previous, connection.record.next)
    if let previous = unsafe previous { unsafe previous.pointee.next = next } else { unsafe state.first = next }
    if let next = unsafe next { unsafe next.pointee.previous = previous }
    state.open -= 1
    if let peer = connection.record.peer, mostOfOneUser != .max { state.users.leave(peer.userID) }
  }

  /// Ends a connection now, whatever is under way.
  func close(_ connection: ConnectionReference) {
    if connection.record.slot >= 0 {
      core.unregister(connection.record.slot, connection.record.descriptor.number)
    }
    if connection.record.isDeferred { unsafe core.forgetAtEnd(connection.token) }
    unlink(connection)
    _ = connection.record.input.drop()
    connection.record.input.settle(into: &core.buffers)
    connection.record.output.drop()
    connection.record.output.settle(into: &core.buffers)
    connection.end()
    // Only now: who reads the count on another thread finds the descriptor closed.
    state.counts.add(.open, -1)
    guard state.open == 0 else { return }
    armIdleExit()
    if state.phase == .draining { dismissTasks() }
  }
}
