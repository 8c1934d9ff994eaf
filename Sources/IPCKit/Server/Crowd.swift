// How many connections there are: in all, of each user and on each loop. Who comes is counted on one thread, who goes on
// any of the server's.

/// The connections of a server, counted. A copy counts in the same memory, which whoever made it frees.
@safe struct Crowd: @unchecked Sendable {
  private struct Counts: ~Copyable {
    let most: Int
    let mostOfOneUser: Int
    var all = 0
    var users = UserCounts()
    /// Nil where there is one loop, whose thread is the only one; else all is touched under its lock.
    let loops: Lock<Loops>?

    mutating func enter(_ peer: PeerCredentials?) -> Bool {
      if mostOfOneUser != .max, let peer, !users.enter(peer.userID, most: mostOfOneUser) { return false }
      all += 1
      return true
    }

    mutating func leave(_ peer: PeerCredentials?) {
      if mostOfOneUser != .max, let peer { users.leave(peer.userID) }
      all -= 1
    }
  }

  /// The connections of each loop.
  private struct Loops {
    var counts: [Int]
    /// The one that had the last.
    var last = -1

    /// Counts one more on the loop that has the fewest; equals have it in turn, because those who come and go at once are
    /// never there to be counted.
    mutating func takeOne() -> Int {
      var least = (last + 1) % counts.count
      for step in 2...counts.count {
        let other = (last + step) % counts.count
        if counts[other] < counts[least] { least = other }
      }
      counts[least] += 1
      last = least
      return least
    }
  }

  private let storage: UnsafeMutablePointer<Counts>

  init(most: Int, ofOneUser mostOfOneUser: Int, loops: Int) {
    unsafe storage = .allocate(capacity: 1)
    let several = loops > 1 ? Lock(Loops(counts: Array(repeating: 0, count: loops))) : nil
    unsafe storage.initialize(to: Counts(most: most, mostOfOneUser: mostOfOneUser, loops: several))
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
    guard let loops = counts.loops else { return counts.all == 0 }
    return loops.withLock { _ in counts.all == 0 }
  }

  /// Whether there are as many as there may be. On the thread that lets them in it stays so until it lets one in.
  var isFull: Bool {
    guard let loops = counts.loops else { return counts.all >= counts.most }
    return loops.withLock { _ in counts.all >= counts.most }
  }

  /// Counts one more, and answers on which loop; nil when the user has as many as one may have.
  func enter(_ peer: PeerCredentials?) -> Int? {
    guard let loops = counts.loops else { return counts.enter(peer) ? 0 : nil }
    return loops.withLock { counts.enter(peer) ? $0.takeOne() : nil }
  }

  /// Counts one less; whether it was the last one.
  func leave(_ peer: PeerCredentials?, loop: Int) -> Bool {
    guard let loops = counts.loops else {
      counts.leave(peer)
      return counts.all == 0
    }
    return loops.withLock { loops in
      counts.leave(peer)
      loops.counts[loop] -= 1
      return counts.all == 0
    }
  }
}
