// Everyone who waits on a loop: for a descriptor, for a moment, or for both. One table in memory of its own, whose places
// never move under a pointer that is kept, since none is.

internal import Glibc

/// The places of a loop, and the heap of the deadlines in them.
@safe struct SlotTable: ~Copyable {
  private var base: UnsafeMutablePointer<Slot>
  private var count: Int32 = 0
  private var capacity: Int32
  private var firstFree: Int32 = -1
  /// The earliest deadline first; `SlotTable+Timers.swift`.
  var heap: [Timer] = []

  init() {
    capacity = 64
    unsafe base = .allocate(capacity: 64)
  }

  deinit {
    // Slots hold nothing that must be released.
    unsafe base.deallocate()
  }

  /// A place by its number, which was handed out before.
  subscript(_ index: Int32) -> Slot {
    // Within the memory that this table has: numbers come from `take` alone.
    unsafeAddress {
      assert(index >= 0 && index < count, "a place that was never handed out")
      return unsafe UnsafePointer(base + Int(index))
    }
    unsafeMutableAddress {
      assert(index >= 0 && index < count, "a place that was never handed out")
      return unsafe base + Int(index)
    }
  }

  /// A place that nobody has.
  mutating func take() -> Int32 {
    if firstFree >= 0 {
      let index = firstFree
      firstFree = self[index].nextFree
      self[index].nextFree = -1
      return index
    }
    if count == capacity { grow() }
    // The memory behind the last place, which is free to be one.
    unsafe (base + Int(count)).initialize(to: Slot())
    count += 1
    return count - 1
  }

  /// Gives a place back; what comes for it later reaches nobody.
  mutating func give(_ index: Int32) {
    clearTimer(index, .read)
    clearTimer(index, .write)
    clearTimer(index, .hangup)
    self[index] = Slot(reusing: self[index], nextFree: firstFree)
    firstFree = index
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<Slot>.allocate(capacity: Int(capacity) * 2)
    // Moved as bytes from the old memory to memory of twice the size.
    unsafe larger.moveInitialize(from: base, count: Int(count))
    unsafe base.deallocate()
    unsafe base = larger
    capacity *= 2
  }
}

extension Slot {
  /// A free place, whose tickets and generation go on.
  fileprivate init(reusing slot: Slot, nextFree: Int32) {
    generation = slot.generation &+ 1
    lastTicket = slot.lastTicket
    self.nextFree = nextFree
  }
}

// MARK: - Waiting

extension SlotTable {
  /// Whether somebody waits, or is about to, and is not to go on yet.
  @inline(__always)
  func isWaiting(_ index: Int32, _ interest: Interest) -> Bool {
    let kind = interest.rawValue
    return self[index].waits[kind].ticket != 0 && self[index].outcomes[kind] == nil
  }

  /// Reserves a wait, so that a cancellation can name it before it begins.
  mutating func reserve(_ index: Int32, _ interest: Interest) -> WaitKey {
    self[index].lastTicket &+= 1
    // 0 is for nobody, the last number for waits without a name.
    if self[index].lastTicket == .max { self[index].lastTicket = 1 }
    let ticket = self[index].lastTicket
    reserve(index, interest, ticket)
    return WaitKey(slot: index, ticket: ticket, interest: interest)
  }

  /// Begins a wait that nobody needs to name, until the deadline.
  @inline(__always)
  mutating func reserve(_ index: Int32, _ interest: Interest, until deadline: Deadline) {
    reserve(index, interest, .max)
    if deadline != .never { setTimer(index, interest, deadline) }
  }

  @inline(__always)
  private mutating func reserve(_ index: Int32, _ interest: Interest, _ ticket: UInt32) {
    precondition(self[index].waits[interest.rawValue].ticket == 0, "two tasks wait for the same descriptor")
    self[index].waits[interest.rawValue].ticket = ticket
  }

  /// Whether the wait of that name has not ended.
  func isCurrent(_ key: WaitKey) -> Bool {
    self[key.slot].waits[key.interest.rawValue].ticket == key.ticket && isWaiting(key.slot, key.interest)
  }

  /// Ends a wait: hands out the job to run, if the task has stopped already.
  @inline(__always)
  mutating func end(_ index: Int32, _ interest: Interest, _ reason: Wake) -> UnownedJob? {
    clearTimer(index, interest)
    self[index].outcomes[interest.rawValue] = reason
    return self[index].waits[interest.rawValue].job.take()
  }

  /// Says why a wait has ended, to its task: after this, another may begin.
  @inline(__always)
  mutating func conclude(_ index: Int32, _ interest: Interest) -> Wake {
    guard let reason = self[index].outcomes[interest.rawValue].take() else {
      preconditionFailure("a task goes on whose wait has not ended")
    }
    self[index].waits[interest.rawValue].ticket = 0
    return reason
  }
}
