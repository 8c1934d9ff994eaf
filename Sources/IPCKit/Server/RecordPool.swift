// Memory for connections, many at a time: one that comes and goes costs no allocation, and one that stays no more than its
// record.

/// Places for the records of one server.
@safe struct RecordPool: ~Copyable {
  private static let slabSize = 64
  /// Free places, in a list that runs through the places themselves.
  private var free: UnsafeMutableRawPointer?
  private var slabs: [UnsafeMutablePointer<ConnectionRecord>] = unsafe []

  deinit {
    // Their connections have ended.
    unsafe slabs.forEach { unsafe $0.deallocate() }
  }

  /// A place, not initialized.
  @unsafe mutating func take() -> UnsafeMutablePointer<ConnectionRecord> {
    let place = unsafe free ?? addSlab()
    // A free place begins with the address of the next one.
    unsafe free = place.load(as: UnsafeMutableRawPointer?.self)
    return unsafe place.assumingMemoryBound(to: ConnectionRecord.self)
  }

  /// Takes a place back, whose record has ended.
  @unsafe mutating func give(_ place: UnsafeMutablePointer<ConnectionRecord>) {
    let place = UnsafeMutableRawPointer(place)
    unsafe place.storeBytes(of: free, as: UnsafeMutableRawPointer?.self)
    unsafe free = place
  }

  /// Makes more places; answers the first.
  @unsafe private mutating func addSlab() -> UnsafeMutableRawPointer {
    let slab = UnsafeMutablePointer<ConnectionRecord>.allocate(capacity: Self.slabSize)
    unsafe slabs.append(slab)
    for index in (0..<Self.slabSize).reversed() { unsafe give(slab + index) }
    return UnsafeMutableRawPointer(slab)
  }
}
