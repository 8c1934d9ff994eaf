// What a window printed last. Always fed, so that no child ever waits for somebody to look.

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
