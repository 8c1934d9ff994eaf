// Bytes that were read and not yet asked for, and where the frames among them end. The same for a blocking reader and for
// a connection of the server: they differ in how they wait, not in what a line is.

internal import Glibc

/// A growing buffer that gives frames out as views of itself.
package struct FrameBuffer: ~Copyable, Sendable {
  /// The longest frame, in bytes and without its delimiter.
  package let limit: Int

  private var storage: [UInt8]
  /// Unread bytes are `start..<end`; those before `scanned` are known not to hold `scannedFor`.
  private var start = 0
  private var end = 0
  private var scanned = 0
  private var scannedFor: UInt8 = 0
  /// How many bytes to make room for at first.
  private let capacity: Int

  /// Allocates nothing before the first byte arrives.
  package init(limit: Int, capacity: Int) {
    precondition(limit > 0 && capacity > 0, "a reader needs room")
    self.limit = limit
    self.capacity = capacity
    self.storage = []
  }

  /// How many bytes wait.
  package var unreadCount: Int { end - start }

  /// A copy of what waits.
  package var unread: [UInt8] { Array(storage[start..<end]) }

  /// The length of the frame up to the next `delimiter`, nil while none has come.
  /// - Throws: ``PeerError/frameTooLong(limit:received:)``, whether the delimiter has come or not.
  package mutating func frameLength(endingWith delimiter: UInt8) throws(PeerError) -> Int? {
    if delimiter != scannedFor {
      scanned = start
      scannedFor = delimiter
    }
    let found = find(delimiter)
    let length = (found ?? end) - start
    scanned = found ?? end
    guard length <= limit else { throw .frameTooLong(limit: limit, received: length) }
    return found == nil ? nil : length
  }

  /// Takes `count` bytes out, and as many more as the delimiter has, which are not shown.
  @_lifetime(&self)
  package mutating func take(_ count: Int, delimiter: Int = 0) -> RawSpan {
    let first = start
    start += count + delimiter
    scanned = start
    // Bytes seen as raw bytes: nothing is reinterpreted.
    return unsafe storage.span.bytes.extracting(first..<(first + count))
  }

  /// Forgets what waits, and says how much it was.
  package mutating func drop() -> Int {
    let count = end - start
    start = end
    scanned = end
    return count
  }

  /// Gives `read` the room behind what is there, and keeps as many bytes as it says it stored there.
  package mutating func fill<Failure: Error>(
    _ read: (inout MutableRawSpan) throws(Failure) -> Int
  ) throws(Failure) -> Int {
    makeRoom()
    assert(end < storage.count, "a read without room looks like the end of the file")
    let got = try append(at: end, read)
    end += got
    return got
  }

  private mutating func append<Failure: Error>(
    at offset: Int, _ read: (inout MutableRawSpan) throws(Failure) -> Int
  ) throws(Failure) -> Int {
    var bytes = storage.mutableSpan
    // Bytes seen as raw bytes: nothing is reinterpreted.
    var room = unsafe bytes.mutableBytes
    var free = room._mutatingExtracting(offset...)
    return try read(&free)
  }

  /// Where the delimiter stands among the unread bytes. memchr(3) looks at 32 bytes a step, a loop at one.
  private func find(_ delimiter: UInt8) -> Int? {
    guard scanned < end else { return nil }
    // memchr stays within scanned..<end, which is inside the array.
    return unsafe storage.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return nil }
      guard let hit = unsafe memchr(base + scanned, CInt(delimiter), end - scanned) else { return nil }
      return unsafe UnsafeRawPointer(hit) - base
    }
  }

  private mutating func makeRoom() {
    if start == end {
      start = 0
      end = 0
      scanned = 0
    }
    guard end == storage.count else { return }
    if start > 0 {
      moveToFront()
    } else {
      // One byte more than the limit tells a frame that fits from one that does not.
      let most = max(limit == .max ? limit : limit + 1, capacity)
      let grown = storage.isEmpty ? capacity : min(storage.count * 2, most)
      storage.append(contentsOf: repeatElement(0, count: grown - storage.count))
    }
  }

  private mutating func moveToFront() {
    let (from, count) = (start, end - start)
    // Both ranges are inside the array; memmove(3) allows them to overlap.
    unsafe storage.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      unsafe _ = memmove(base, base + from, count)
    }
    start = 0
    end = count
    scanned -= from
  }
}
