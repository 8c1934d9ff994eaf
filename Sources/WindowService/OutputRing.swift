// What a window printed last. Always fed, so that no child ever waits for somebody to look.

internal import IPCKit

/// The last bytes of a stream, up to a capacity; memory grows with what is kept, not with what may be.
package struct OutputRing: ~Copyable {
  private var storage: [UInt8] = []
  /// Where the next byte goes, once the storage is as large as it may be; the oldest byte stands there.
  private var position = 0
  private var capacity: Int

  /// How many bytes there were in all.
  package private(set) var total: UInt64 = 0

  package init(capacity: Int) {
    precondition(capacity > 0, "a ring keeps something")
    self.capacity = capacity
  }

  /// The kept bytes, oldest first.
  package var bytes: [UInt8] { Array(storage[position...] + storage[..<position]) }

  /// The last of the kept bytes, `count` at most, oldest first.
  package func newest(_ count: Int) -> [UInt8] {
    let behind = storage[..<position].suffix(count)
    return Array(storage[position...].suffix(count - behind.count) + behind)
  }

  /// How many are kept.
  package var count: Int { storage.count }

  /// Writes kept bytes from `offset` on to a terminal, once; how many it took.
  borrowing func show(from offset: UInt64, on terminal: borrowing LentTerminal) throws(SystemError) -> Int {
    try terminal.write(piece(from: offset))
  }

  /// The kept bytes from `offset` on, counted as ``total`` counts, as far as they stand in one piece; empty at the end.
  /// - Precondition: the byte is still kept, or is the next one to come.
  @_lifetime(borrow self)
  package func piece(from offset: UInt64) -> RawSpan {
    precondition(offset <= total && total - offset <= UInt64(storage.count), "a byte that is kept")
    let distance = Int(total - offset)
    // Bytes seen as raw bytes: nothing is reinterpreted.
    let bytes = unsafe storage.span.bytes
    // Counted from the newest one, which stands before the oldest.
    let start = position - distance
    return start >= 0 ? bytes.extracting(start..<position) : bytes.extracting((storage.count + start)..<storage.count)
  }

  /// Keeps as many from now on; of what is kept already, the last as many as fit.
  package mutating func resize(to capacity: Int) {
    precondition(capacity > 0, "a ring keeps something")
    guard capacity != self.capacity else { return }
    storage = Array(bytes.suffix(capacity))
    position = 0
    self.capacity = capacity
  }

  /// Adds bytes, and forgets as many of the oldest as do not fit any more.
  package mutating func append(_ bytes: ArraySlice<UInt8>) {
    total += UInt64(bytes.count)
    var rest = bytes.suffix(capacity)
    let room = min(capacity - storage.count, rest.count)
    storage += rest.prefix(room)
    rest = rest.dropFirst(room)
    while !rest.isEmpty {
      let count = min(storage.count - position, rest.count)
      storage.replaceSubrange(position..<(position + count), with: rest.prefix(count))
      position = (position + count) % storage.count
      rest = rest.dropFirst(count)
    }
  }
}
