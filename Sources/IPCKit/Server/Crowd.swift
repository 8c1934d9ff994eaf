// How many connections there are: in all, of each user and on each loop. Who comes is counted on one thread, who goes on
// any of the server's.

/// The connections of a server, counted.
@safe final class Crowd: @unchecked Sendable {
  private struct Counts: ~Copyable {
    var all = 0
    var users = UserCounts()
    var loops: [Int]
  }

  private let most: Int
  private let mostOfOneUser: Int
  private let storage: UnsafeMutablePointer<Counts>
  /// Nil where there is one loop, whose thread is the only one.
  private let lock: Lock<Void>?

  init(most: Int, ofOneUser mostOfOneUser: Int, loops: Int) {
    self.most = most
    self.mostOfOneUser = mostOfOneUser
    lock = loops > 1 ? Lock(()) : nil
    unsafe storage = .allocate(capacity: 1)
    unsafe storage.initialize(to: Counts(loops: Array(repeating: 0, count: loops)))
  }

  deinit {
    unsafe storage.deinitialize(count: 1)
    unsafe storage.deallocate()
  }

  /// Whether users are counted at all.
  var countsUsers: Bool { mostOfOneUser != .max }

  var isEmpty: Bool { withCounts { $0.all == 0 } }

  /// Whether there are as many as there may be. On the thread that lets them in it stays so until it lets one in.
  var isFull: Bool { withCounts { $0.all >= most } }

  /// Counts one more, on the loop that has the fewest; nil when the user has as many as one may have.
  func enter(_ peer: PeerCredentials?) -> Int? {
    withCounts { counts in
      if countsUsers, let peer, !counts.users.enter(peer.userID, most: mostOfOneUser) { return nil }
      counts.all += 1
      // The first of equals: the one who lets them in, and need not hand them on.
      var loop = 0
      for other in counts.loops.indices.dropFirst() where counts.loops[other] < counts.loops[loop] { loop = other }
      counts.loops[loop] += 1
      return loop
    }
  }

  /// Counts one less; whether it was the last one.
  func leave(_ peer: PeerCredentials?, loop: Int) -> Bool {
    withCounts { counts in
      if countsUsers, let peer { counts.users.leave(peer.userID) }
      counts.all -= 1
      counts.loops[loop] -= 1
      return counts.all == 0
    }
  }

  @inline(__always)
  private func withCounts<Result>(_ body: (inout Counts) -> Result) -> Result {
    // This object's own, and one thread's at a time.
    guard let lock else { return unsafe body(&storage.pointee) }
    return lock.withLock { _ in unsafe body(&storage.pointee) }
  }
}
