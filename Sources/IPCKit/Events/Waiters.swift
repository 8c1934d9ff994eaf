// Everyone who waits on a loop: for a descriptor, for a moment, or for both. One table, and a heap of the deadlines in it,
// so that a wait that ends early takes its deadline along and none is left behind.

/// Why a wait ended.
enum Wake: Sendable {
  case ready
  case deadline
  case cancelled
}

/// What a wait is for. Each descriptor has at most one wait of a kind.
enum Interest: Int, Sendable {
  case read
  case write
  case hangup
}

/// Names one wait for ever: an entry is used again, its ticket never is.
struct WaiterKey: Sendable {
  let index: Int
  let ticket: UInt64
}

/// The waits of one loop.
struct Waiters: ~Copyable {
  /// A descriptor's wait, to be forgotten by its slot when it ends.
  struct Origin {
    let slot: Int
    let interest: Interest
  }

  @safe private struct Entry {
    var ticket: UInt64 = 0
    /// Nil between the reservation and the suspension.
    var continuation: UnsafeContinuation<Wake, Never>?
    /// Cancelled between the two.
    var isCancelled = false
    var origin: Origin?
    /// Where its deadline stands in the heap, -1 without one.
    var heapPosition = -1
  }

  private var entries: [Entry] = []
  private var free: [Int] = []
  private var lastTicket: UInt64 = 0
  private var heap: [(deadline: Int64, index: Int)] = []

  /// Reserves an entry, so that a cancellation can name the wait before it begins.
  mutating func reserve(_ origin: Origin?) -> WaiterKey {
    let index = free.popLast() ?? entries.count
    if index == entries.count { entries.append(Entry()) }
    lastTicket += 1
    entries[index].ticket = lastTicket
    entries[index].origin = origin
    return WaiterKey(index: index, ticket: lastTicket)
  }

  /// Begins the wait; false when it was cancelled before it could begin.
  mutating func suspend(
    _ key: WaiterKey, _ continuation: UnsafeContinuation<Wake, Never>, _ deadline: Deadline
  ) -> Bool {
    unsafe entries[key.index].continuation = continuation
    guard !entries[key.index].isCancelled else { return false }
    if deadline != .never { push(deadline.nanoseconds, key.index) }
    return true
  }

  /// Whether a cancellation ends the wait now: not one that has ended, and one that has not begun only when it does.
  mutating func cancel(_ key: WaiterKey) -> Bool {
    guard entries[key.index].ticket == key.ticket else { return false }
    entries[key.index].isCancelled = true
    return unsafe entries[key.index].continuation != nil
  }

  /// Ends a wait: frees its entry and its deadline, and hands out whom to resume.
  mutating func end(_ index: Int) -> (continuation: UnsafeContinuation<Wake, Never>?, origin: Origin?) {
    let entry = entries[index]
    if entry.heapPosition >= 0 { removeFromHeap(entry.heapPosition) }
    entries[index] = Entry()
    free.append(index)
    return unsafe (entry.continuation, entry.origin)
  }

  /// The earliest deadline.
  var earliest: Deadline { heap.first.map { Deadline(nanoseconds: $0.deadline) } ?? .never }

  /// A wait whose deadline is not after `now`.
  func expired(at now: Int64) -> Int? {
    guard let first = heap.first, first.deadline <= now else { return nil }
    return first.index
  }
}

// MARK: - The heap

extension Waiters {
  private mutating func push(_ deadline: Int64, _ index: Int) {
    heap.append((deadline, index))
    place(heap.count - 1)
    siftUp(heap.count - 1)
  }

  private mutating func removeFromHeap(_ position: Int) {
    let last = heap.count - 1
    heap.swapAt(position, last)
    heap.removeLast()
    guard position < last else { return }
    place(position)
    siftUp(position)
    siftDown(position)
  }

  /// Tells the entry where its deadline stands now.
  private mutating func place(_ position: Int) {
    entries[heap[position].index].heapPosition = position
  }

  private mutating func exchange(_ left: Int, _ right: Int) {
    heap.swapAt(left, right)
    place(left)
    place(right)
  }

  private mutating func siftUp(_ position: Int) {
    var child = position
    while child > 0, heap[child].deadline < heap[(child - 1) / 2].deadline {
      exchange(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func siftDown(_ position: Int) {
    var parent = position
    while true {
      let left = 2 * parent + 1
      guard left < heap.count else { return }
      let right = left + 1
      let least = right < heap.count && heap[right].deadline < heap[left].deadline ? right : left
      guard heap[least].deadline < heap[parent].deadline else { return }
      exchange(parent, least)
      parent = least
    }
  }
}
