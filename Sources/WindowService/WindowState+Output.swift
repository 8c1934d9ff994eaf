// The output in a window's state: a ring, so that the newest bytes are kept, and no child ever waits for somebody to look.

internal import IPCKit

extension WindowState {
  /// The first of the window's bytes that is kept.
  var start: UInt64 {
    let reserved = load(Layout.reserved)
    let capacity = UInt64(ring.capacity)
    // Half done, it may be that nothing of what stood there before is left.
    return min(printed, max(load(ring.first), reserved > capacity ? reserved - capacity : 0))
  }

  /// The kept output, oldest byte first.
  var output: [UInt8] {
    let (start, count) = (start, Int(printed - start))
    guard count > 0 else { return [] }
    let position = Int(start % UInt64(ring.capacity))
    let first = min(count, ring.capacity - position)
    return copy(ring.base + position, first) + copy(ring.base, count - first)
  }

  func copy(_ offset: Int, _ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var span = bytes.mutableSpan
    // Bytes seen as raw bytes: nothing is reinterpreted.
    var raw = unsafe span.mutableBytes
    memory.copy(from: offset, into: &raw)
    return bytes
  }

  /// Keeps what was printed, and forgets as many of the oldest bytes as do not fit any more.
  mutating func keep(_ bytes: ArraySlice<UInt8>) {
    let end = printed + UInt64(bytes.count)
    // The oldest are not to be read from here on, not even by whoever finds this half done.
    publish(end, at: Layout.reserved)
    put(bytes.suffix(ring.capacity), endingAt: end, in: ring)
    publish(end, at: Layout.printed)
    printed = end
  }

  private mutating func put(_ bytes: ArraySlice<UInt8>, endingAt end: UInt64, in ring: Ring) {
    var rest = bytes
    var position = Int((end - UInt64(bytes.count)) % UInt64(ring.capacity))
    while !rest.isEmpty {
      let piece = rest.prefix(ring.capacity - position)
      // Bytes seen as raw bytes: nothing is reinterpreted.
      memory.copy(unsafe piece.span.bytes, to: ring.base + position)
      rest = rest.dropFirst(piece.count)
      position = 0
    }
  }

  /// Keeps as many bytes from now on; of what is kept already, the last as many as fit: in the other place, so that at
  /// every moment one of the two holds.
  mutating func keepOutput(of capacity: Int) {
    precondition(
      capacity > 0 && capacity <= Layout.ringSize, "a ring keeps something, and not more than there is room for")
    guard capacity != ring.capacity else { return }
    let kept = output.suffix(capacity)
    let old = ring
    let new = Ring(place: 1 - old.place, capacity: capacity)
    put(kept, endingAt: printed, in: new)
    store(printed - UInt64(kept.count), at: new.first)
    publish(new.word, at: Layout.ring)
    ring = new
    // Where memory cannot be given back, it stays used.
    try? memory.discard(old.base..<(old.base + Layout.ringSize))
  }
}
