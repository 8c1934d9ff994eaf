// How many connections there are: in all, of each user and on each loop. Who comes is counted on one thread, who goes on
// any of the server's.

/// The connections of a server, counted. A copy counts in the same memory, which whoever made it frees.
@safe struct Crowd: @unchecked Sendable {
  private struct Counts: ~Copyable {
    let most: Int
    let mostOfOneUser: Int
    var all = 0
    var users = UserCounts()
    /// On each loop, where there are several.
    var loops: [Int]
    /// The one that had the last.
    var last = -1
    /// Nil where there is one loop, whose thread is the only one.
    let lock: Lock<Void>?

    mutating func enter(_ peer: PeerCredentials?) -> Bool {
      if mostOfOneUser != .max, let peer, !users.enter(peer.userID, most: mostOfOneUser) { return false }
      all += 1
      return true
    }

    mutating func leave(_ peer: PeerCredentials?) {
      if mostOfOneUser != .max, let peer { users.leave(peer.userID) }
      all -= 1
    }

    /// Counts one more on the loop that has the fewest; equals have it in turn, because those who come and go at once are
    /// never there to be counted.
    mutating func takeLoop() -> Int {
      var least = (last + 1) % loops.count
      for step in 2...loops.count {
        let other = (last + step) % loops.count
        if loops[other] < loops[least] { least = other }
      }
      loops[least] += 1
      last = least
      return least
    }
  }

  private let storage: UnsafeMutablePointer<Counts>

  init(most: Int, ofOneUser mostOfOneUser: Int, loops: Int) {
    unsafe storage = .allocate(capacity: 1)
    let counts = Array(repeating: 0, count: loops)
    unsafe storage.initialize(
      to: Counts(most: most, mostOfOneUser: mostOfOneUser, loops: counts, lock: loops > 1 ? Lock(()) : nil))
  }

  func free() {
    unsafe storage.deinitialize(count: 1)
    unsafe storage.deallocate()
  }

  private var counts: Counts {
    @inline(__always) unsafeAddress { unsafe UnsafePointer(storage) }
    @inline(__always) nonmutating unsafeMutableAddress { unsafe storage }
  }

  /// Whether users are counted at all.
  var countsUsers: Bool { counts.mostOfOneUser != .max }

  /// Whether there is nobody.
  var isEmpty: Bool {
    guard let lock = counts.lock else { return counts.all == 0 }
    return lock.withLock { _ in counts.all == 0 }
  }

  /// Whether there are as many as there may be. On the thread that lets them in it stays so until it lets one in.
  var isFull: Bool {
    guard let lock = counts.lock else { return counts.all >= counts.most }
    return lock.withLock { _ in counts.all >= counts.most }
  }

  /// Counts one more, and answers on which loop; nil when the user has as many as one may have.
  func enter(_ peer: PeerCredentials?) -> Int? {
    guard let lock = counts.lock else { return counts.enter(peer) ? 0 : nil }
    return lock.withLock { _ in counts.enter(peer) ? counts.takeLoop() : nil }
  }

  /// Counts one less; whether it was the last one.
  func leave(_ peer: PeerCredentials?, loop: Int) -> Bool {
    guard let lock = counts.lock else {
      counts.leave(peer)
      return counts.all == 0
    }
    return lock.withLock { _ in
      counts.leave(peer)
      counts.loops[loop] -= 1
      return counts.all == 0
    }
  }
}
