// Deadlines: a binary heap whose entries know their places and the other way round, so that a wait that ends early takes
// its deadline along. A silent connection has none, so a thousand of them cost nothing.

/// A deadline of a place.
struct Timer {
  var deadline: Int64
  var slot: Int32
  var interest: Interest
}

extension SlotTable {
  /// Whether there is any deadline.
  var hasTimers: Bool { !heap.isEmpty }

  /// The earliest deadline.
  var earliest: Deadline { heap.first.map { Deadline(nanoseconds: $0.deadline) } ?? .never }

  /// A deadline that is not after `now`, taken out of the heap.
  mutating func takeExpired(at now: Int64) -> (slot: Int32, interest: Interest)? {
    guard let first = heap.first, first.deadline <= now else { return nil }
    clearTimer(first.slot, first.interest)
    return (first.slot, first.interest)
  }

  /// Whether an interest has a deadline.
  func hasTimer(_ slot: Int32, _ interest: Interest) -> Bool { self[slot].waits[interest.rawValue].timer >= 0 }

  /// Sets the deadline of an interest, in place of the one that it may have.
  mutating func setTimer(_ slot: Int32, _ interest: Interest, _ deadline: Deadline) {
    clearTimer(slot, interest)
    guard deadline != .never else { return }
    heap.append(Timer(deadline: deadline.nanoseconds, slot: slot, interest: interest))
    note(heap.count - 1)
    siftUp(heap.count - 1)
  }

  /// Forgets the deadline of an interest, if it has one.
  @inline(__always)
  mutating func clearTimer(_ slot: Int32, _ interest: Interest) {
    let position = Int(self[slot].waits[interest.rawValue].timer)
    if position >= 0 { removeTimer(slot, interest, position) }
  }

  private mutating func removeTimer(_ slot: Int32, _ interest: Interest, _ position: Int) {
    self[slot].waits[interest.rawValue].timer = -1
    let last = heap.removeLast()
    guard position < heap.count else { return }
    heap[position] = last
    note(position)
    siftUp(position)
    siftDown(position)
  }

  /// Tells the place where its deadline stands now.
  private mutating func note(_ position: Int) {
    let timer = heap[position]
    self[timer.slot].waits[timer.interest.rawValue].timer = Int32(position)
  }

  private mutating func exchange(_ left: Int, _ right: Int) {
    heap.swapAt(left, right)
    note(left)
    note(right)
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
