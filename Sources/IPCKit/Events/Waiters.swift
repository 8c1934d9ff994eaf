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
    /// Why it ended between the two.
    var early: Wake?
    var origin: Origin?
    /// Where its deadline stands in the heap, -1 without one.
    var heapPosition = -1
  }

  private var entries: [Entry] = []
  private var freeEntries: [Int] = []
  private var lastTicket: UInt64 = 0
  private var heap: [(deadline: Int64, index: Int)] = []

  /// Reserves an entry, so that a cancellation can name the wait before it begins.
  mutating func reserve(_ origin: Origin?) -> WaiterKey {
    let index = freeEntries.popLast() ?? entries.count
    if index == entries.count { entries.append(Entry()) }
    lastTicket += 1
    entries[index].ticket = lastTicket
    entries[index].origin = origin
    return WaiterKey(index: index, ticket: lastTicket)
  }

  /// Begins the wait; answers why it has ended already, if it has.
  mutating func suspend(
    _ key: WaiterKey, _ continuation: UnsafeContinuation<Wake, Never>, _ deadline: Deadline
  ) -> Wake? {
    if let early = entries[key.index].early {
      free(key.index)
      return early
    }
    unsafe entries[key.index].continuation = continuation
    if deadline != .never { push(deadline.nanoseconds, key.index) }
    return nil
  }

  /// The entry of a wait that has not ended; nil when it has, though its place may be another's by now.
  func current(_ key: WaiterKey) -> Int? {
    entries[key.index].ticket == key.ticket && entries[key.index].early == nil ? key.index : nil
  }

  /// Ends a wait: hands out whom to resume, or lets the one who is about to suspend find the reason.
  mutating func end(_ index: Int, _ reason: Wake) -> (continuation: UnsafeContinuation<Wake, Never>?, origin: Origin?) {
    let entry = entries[index]
    if unsafe entry.continuation == nil { entries[index].early = reason } else { free(index) }
    return unsafe (entry.continuation, entry.origin)
  }

  private mutating func free(_ index: Int) {
    if entries[index].heapPosition >= 0 { removeFromHeap(entries[index].heapPosition) }
    entries[index] = Entry()
    freeEntries.append(index)
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
