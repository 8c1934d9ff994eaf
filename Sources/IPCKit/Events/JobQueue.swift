// Jobs that are ready to run, in a ring that is allocated once and grows with the crowd.

/// A queue of jobs, first in, first out.
@safe struct JobQueue: ~Copyable {
  /// A job, and whether it belongs to an actor that names the loop as its executor.
  struct Entry {
    let job: UnownedJob
    let isActors: Bool
  }

  private var base: UnsafeMutablePointer<Entry>
  private var capacity = 64
  private var head = 0
  private(set) var count = 0

  init() { unsafe base = .allocate(capacity: 64) }

  deinit { unsafe base.deallocate() }

  var isEmpty: Bool { count == 0 }

  @inline(__always)
  mutating func append(_ entry: Entry) {
    if count == capacity { grow() }
    // The capacity is a power of two, so that the mask keeps the place within the ring.
    unsafe (base + ((head &+ count) & (capacity &- 1))).initialize(to: entry)
    count &+= 1
  }

  /// Takes the first job out.
  /// - Precondition: there is one.
  @inline(__always)
  mutating func removeFirst() -> Entry {
    // A place that was initialized and not taken yet.
    let entry = unsafe base[head]
    head = (head &+ 1) & (capacity &- 1)
    count &-= 1
    return entry
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<Entry>.allocate(capacity: capacity * 2)
    for position in 0..<count {
      unsafe (larger + position).initialize(to: base[(head + position) & (capacity - 1)])
    }
    unsafe base.deallocate()
    unsafe base = larger
    head = 0
    capacity *= 2
  }
}
