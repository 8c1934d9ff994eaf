// Bytes that were read and not yet asked for, and where the frames among them end. The same for a blocking reader and for
// a connection of the server: they differ in how they wait, not in what a line is.

internal import CIPCShim
internal import Glibc

/// A growing buffer that gives frames out as views of itself.
@safe package struct FrameBuffer: ~Copyable, @unchecked Sendable {
  // Sendable, because the memory is this value's alone, as an array's would be.
  private var base: UnsafeMutableRawPointer?
  private var capacity = 0
  /// Unread bytes are `start..<end`; those before `scanned` are known not to hold `scannedFor`.
  private var start = 0
  private var end = 0
  private var scanned = 0
  private var scannedFor: UInt8 = 0

  /// Allocates nothing.
  package init() {}

  deinit { unsafe free(base) }

  /// How many bytes wait.
  package var unreadCount: Int { end &- start }

  /// A copy of what waits.
  package var unread: [UInt8] {
    // As many bytes as are known to be there.
    unsafe base.map { unsafe [UInt8](UnsafeRawBufferPointer(start: $0 + start, count: end - start)) } ?? []
  }

  /// Takes a frame out, and what belongs to it before and after, which is not shown.
  @_lifetime(&self)
  @inline(__always)
  package mutating func take(_ frame: FrameExtent) -> RawSpan {
    let view = unsafe RawSpan(_unsafeBytes: viewUnsafe(frame))
    skip(frame)
    // It shows this buffer's memory, which changes only through this buffer.
    return unsafe _overrideLifetime(view, mutating: &self)
  }

  /// A view of a frame, for who promises not to fill the buffer while he looks at it.
  @inline(__always)
  @unsafe func viewUnsafe(_ frame: FrameExtent) -> UnsafeRawBufferPointer {
    guard let base = unsafe base else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
    // The extent was found among the unread bytes.
    return unsafe UnsafeRawBufferPointer(start: base + start + frame.prefix, count: frame.count)
  }

  /// Takes a frame out without looking at it.
  @inline(__always)
  mutating func skip(_ frame: FrameExtent) {
    start = start &+ frame.prefix &+ frame.count &+ frame.suffix
    scanned = start
    assert(start <= end)
  }

  /// Forgets what waits, and says how much it was.
  package mutating func drop() -> Int {
    let count = end - start
    start = end
    scanned = end
    return count
  }
}

// MARK: - Frames

extension FrameBuffer {
  /// The next frame; nil while it has not come as a whole.
  /// - Throws: ``PeerError/frameTooLong(limit:received:)``, whether its end has come or not.
  @inline(__always)
  package mutating func nextFrame(_ framing: Framing, limit: Int) throws(IPCError) -> FrameExtent? {
    switch framing.kind {
    case .delimiter(let delimiter): try delimitedFrame(delimiter, limit)
    case .length(let width, let order): try prefixedFrame(width, order, limit)
    case .raw: start == end ? nil : FrameExtent(prefix: 0, count: min(end - start, limit), suffix: 0)
    }
  }

  /// What is left when no more bytes will come; nil when nothing is.
  /// - Throws: ``PeerError/frameCutOff(expected:received:)`` where a length has promised more.
  package mutating func lastFrame(_ framing: Framing) throws(IPCError) -> FrameExtent? {
    let count = end - start
    guard count > 0 else { return nil }
    guard case .length(let width, let order) = framing.kind else {
      return FrameExtent(prefix: 0, count: count, suffix: 0)
    }
    guard count >= width else { throw .peer(.frameCutOff(expected: width, received: count)) }
    throw .peer(.frameCutOff(expected: Int(clamping: length(width, order)), received: count - width))
  }

  @inline(__always)
  private mutating func delimitedFrame(_ delimiter: UInt8, _ limit: Int) throws(IPCError) -> FrameExtent? {
    if delimiter != scannedFor {
      scanned = start
      scannedFor = delimiter
    }
    let found = find(delimiter)
    let count = (found ?? end) &- start
    scanned = found ?? end
    guard count <= limit else { throw .peer(.frameTooLong(limit: limit, received: count)) }
    return found == nil ? nil : FrameExtent(prefix: 0, count: count, suffix: 1)
  }

  /// Where the delimiter stands among the unread bytes. memchr(3) looks at 32 bytes a step, a loop at one.
  @inline(__always)
  private func find(_ delimiter: UInt8) -> Int? {
    guard scanned < end, let base = unsafe base else { return nil }
    // memchr stays within scanned..<end, which is inside the memory.
    guard let hit = unsafe memchr(base + scanned, CInt(delimiter), end - scanned) else { return nil }
    return unsafe hit - base
  }

  private func prefixedFrame(
    _ width: Int, _ order: Framing.ByteOrder, _ limit: Int
  ) throws(IPCError) -> FrameExtent? {
    guard end - start >= width else { return nil }
    let promised = length(width, order)
    // Refused by its promise: nobody waits for what will not be taken.
    guard promised <= UInt64(limit) else { throw .peer(.frameTooLong(limit: limit, received: Int(clamping: promised))) }
    let count = Int(promised)
    return end - start - width < count ? nil : FrameExtent(prefix: width, count: count, suffix: 0)
  }

  /// The number in the first `width` unread bytes.
  private func length(_ width: Int, _ order: Framing.ByteOrder) -> UInt64 {
    guard let base = unsafe base else { return 0 }
    var number: UInt64 = 0
    for offset in 0..<width {
      let place = order == .bigEndian ? offset : width - 1 - offset
      // The caller has seen that so many bytes are there.
      number = number << 8 | UInt64(unsafe base.load(fromByteOffset: start + place, as: UInt8.self))
    }
    return number
  }
}

// MARK: - Filling

extension FrameBuffer {
  /// Reads once from `descriptor` into the room behind what is there, which grows when a frame needs it. read(2).
  /// - Parameters:
  ///   - first: how many bytes to make room for at first.
  ///   - most: how many bytes at most, which must be enough for the longest frame with its delimiter or length.
  /// - Returns: how many bytes came and whether they filled the room; 0 at the end of the file; or the negated errno.
  @inline(__always)
  package mutating func read(
    from descriptor: borrowing FileDescriptor, first: Int, most: Int
  ) -> (count: Int64, filled: Bool) {
    makeRoom(first, most)
    guard let base = unsafe base else { return (0, false) }
    let room = capacity &- end
    assert(room > 0, "a read without room looks like the end of the file")
    // The shim writes within the bounds that it is given, and keeps no pointer.
    let count = unsafe ipc_read(descriptor.number, base + end, room)
    if count > 0 { end = end &+ Int(count) }
    return (count, count == Int64(room))
  }

  @inline(__always)
  private mutating func makeRoom(_ first: Int, _ most: Int) {
    if start == end {
      start = 0
      end = 0
      scanned = 0
    }
    if end == capacity { makeMoreRoom(first, most) }
  }

  private mutating func makeMoreRoom(_ first: Int, _ most: Int) {
    if start > 0 { return moveToFront() }
    resize(to: capacity == 0 ? first : min(capacity * 2, max(most, first)))
  }

  private mutating func resize(to size: Int) {
    guard let larger = unsafe realloc(base, size) else { fatalError("out of memory") }
    unsafe base = larger
    capacity = size
  }

  private mutating func moveToFront() {
    let count = end - start
    // Both ranges are inside the memory; memmove(3) allows them to overlap.
    if let base = unsafe base { unsafe _ = memmove(base, base + start, count) }
    scanned -= start
    start = 0
    end = count
  }
}

// MARK: - Lent memory

extension FrameBuffer {
  /// Works in a buffer of the pool's from now on, so that a read takes as much as there is.
  @inline(__always)
  mutating func borrow(from pool: inout BufferPool) {
    guard capacity < BufferPool.size else { return }
    let lent = unsafe pool.take()
    if capacity > 0 { return unsafe moveTo(lent) }
    unsafe base = lent
    capacity = BufferPool.size
  }

  private mutating func moveTo(_ lent: UnsafeMutableRawPointer) {
    let count = end - start
    if let base = unsafe base {
      // What waits is less than the smaller of the two holds.
      unsafe _ = memcpy(lent, base + start, count)
      unsafe free(base)
    }
    unsafe base = lent
    capacity = BufferPool.size
    scanned -= start
    start = 0
    end = count
  }

  /// Before a wait: gives the pool's buffer back, and keeps what waits, if it is little, in as little memory.
  @inline(__always)
  mutating func settle(into pool: inout BufferPool) {
    guard let base = unsafe base else { return }
    guard start == end, capacity == BufferPool.size else { return unsafe shrink(base, into: &pool) }
    unsafe pool.give(base)
    unsafe self.base = nil
    capacity = 0
    start = 0
    end = 0
    scanned = 0
  }

  private mutating func shrink(_ base: UnsafeMutableRawPointer, into pool: inout BufferPool) {
    let count = end - start
    guard count < capacity / 4 else { return }
    var own: UnsafeMutableRawPointer?
    if count > 0 {
      unsafe own = malloc(count)
      // Without memory for a copy, it stays where it is.
      guard let own = unsafe own else { return }
      unsafe _ = memcpy(own, base + start, count)
    }
    if capacity == BufferPool.size { unsafe pool.give(base) } else { unsafe free(base) }
    unsafe self.base = own
    scanned -= start
    start = 0
    end = count
    capacity = count
  }
}
