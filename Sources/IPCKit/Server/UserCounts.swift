// How many connections each user has, so that one cannot take all of them. Few users have any, so they stand in a row.

/// Counts by user.
@safe package struct UserCounts: ~Copyable {
  private struct Entry {
    let id: UInt32
    var count: Int
  }

  private var base: UnsafeMutablePointer<Entry>
  private var capacity = 8
  private var used = 0

  package init() { unsafe base = .allocate(capacity: 8) }

  deinit { unsafe base.deallocate() }

  /// Counts one more of a user's; false when there are as many as may be.
  package mutating func enter(_ id: UInt32, most: Int) -> Bool {
    let index = position(of: id)
    if index == used { add(id) }
    // A place in the row.
    guard unsafe base[index].count < most else { return false }
    unsafe base[index].count += 1
    return true
  }

  /// Counts one less of a user's.
  package mutating func leave(_ id: UInt32) {
    let index = position(of: id)
    guard index < used else { return }
    // A place in the row.
    unsafe base[index].count -= 1
    // A user who comes and goes all the time keeps his place; those who are gone are forgotten once they are many.
    guard unsafe base[index].count == 0, used > 16 else { return }
    used -= 1
    unsafe base[index] = base[used]
  }

  /// Where the user stands; the end of the row when he does not.
  @inline(__always)
  private func position(of id: UInt32) -> Int {
    var index = 0
    // Places in the row.
    while index < used, unsafe base[index].id != id { index &+= 1 }
    return index
  }

  private mutating func add(_ id: UInt32) {
    if used == capacity { grow() }
    // The place behind the last one, for which there is room.
    unsafe (base + used).initialize(to: Entry(id: id, count: 0))
    used += 1
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<Entry>.allocate(capacity: capacity * 2)
    // Moved to memory of twice the size.
    unsafe larger.moveInitialize(from: base, count: used)
    unsafe base.deallocate()
    unsafe base = larger
    capacity *= 2
  }
}
