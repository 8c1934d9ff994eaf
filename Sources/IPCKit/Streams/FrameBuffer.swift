// Bytes that were read and not yet asked for, and where the frames among them end. The same for a blocking reader and for
// a connection of the server: they differ in how they wait, not in what a line is.

internal import CIPCShim
internal import Glibc

/// A growing buffer that gives frames out as views of itself.
@safe package struct FrameBuffer: ~Copyable, @unchecked Sendable {
  // Sendable, because the memory is this value's alone, as an array's would be.
  private var base: UnsafeMutableRawPointer?
  private var capacity = 0
  /// Unread bytes are `start..<end`; the first `searched` of them are known to hold no delimiter of `searchedFor`.
  private var start = 0
  private var end = 0
  private var searched = 0
  private var searchedFor = Framing.raw

  /// Allocates nothing.
  package init() {}

  deinit { unsafe free(base) }

  /// How many bytes wait.
  package var unreadCount: Int { end &- start }

  /// A copy of what waits.
  package var unread: [UInt8] {
    // Copied within the call.
    unsafe [UInt8](unreadUnsafe)
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
    skip(frame.total)
  }

  /// Forgets the first bytes.
  @inline(__always)
  mutating func skip(_ count: Int) {
    start = start &+ count
    searched = 0
    assert(start <= end)
  }

  /// Forgets what waits, and says how much it was.
  package mutating func drop() -> Int {
    let count = end - start
    start = end
    searched = 0
    return count
  }
}

// MARK: - Frames

extension FrameBuffer {
  /// The next frame; nil while it has not come as a whole.
  /// - Throws: ``PeerError/frameTooLong(limit:received:)``, whether its end has come or not.
  @inline(__always)
  package mutating func nextFrame(_ framing: Framing, limit: Int) throws(IPCError) -> FrameExtent? {
    guard let base = unsafe base, start < end else { return nil }
    if searched > 0, framing != searchedFor { searched = 0 }
    // As many bytes as are there.
    let frame = unsafe try framing.firstFrame(in: base + start, end &- start, searched: &searched, limit: limit)
    if frame == nil { searchedFor = framing }
    return frame
  }

  /// What is left when no more bytes will come; nil when nothing is.
  /// - Throws: ``PeerError/frameCutOff(expected:received:)`` where a length has promised more.
  package mutating func lastFrame(_ framing: Framing) throws(IPCError) -> FrameExtent? {
    guard let base = unsafe base else { return nil }
    // As many bytes as are there.
    return unsafe try framing.lastFrame(in: base + start, end - start)
  }

  /// What waits, for who promises not to fill the buffer while he looks at it.
  @unsafe var unreadUnsafe: UnsafeRawBufferPointer {
    guard let base = unsafe base else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
    return unsafe UnsafeRawBufferPointer(start: base + start, count: end - start)
  }

  /// How many of the first unread bytes are known to hold no end of a frame.
  func searched(for framing: Framing) -> Int { framing == searchedFor ? searched : 0 }

  /// Notes how many of the first unread bytes were looked at.
  mutating func noteSearched(_ count: Int, for framing: Framing) {
    searched = count
    searchedFor = framing
  }

  /// Keeps bytes that were read elsewhere, where nothing waits yet.
  mutating func keep(_ bytes: UnsafeRawBufferPointer, searched: Int, for framing: Framing) {
    assert(start == end, "bytes wait already")
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    if capacity < bytes.count { resize(to: bytes.count) }
    // There is room for so many.
    if let base = unsafe base { unsafe _ = memcpy(base, source, bytes.count) }
    start = 0
    end = bytes.count
    self.searched = searched
    searchedFor = framing
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

  /// The same with the descriptors that the bytes carry. recvmsg(2).
  /// - Returns: as filled counts a read, too, that may have left more than it took.
  package mutating func receive(
    from descriptor: borrowing FileDescriptor, _ descriptors: FrameDescriptors, first: Int, most: Int
  ) -> (count: Int64, filled: Bool) {
    makeRoom(first, most)
    guard let base = unsafe base else { return (0, false) }
    let room = capacity &- end
    // Written within the bounds that are given, and no pointer is kept.
    let (count, more) = unsafe descriptors.receive(descriptor.number, base + end, room, unread: unreadCount)
    if count > 0 { end = end &+ Int(count) }
    return (count, more || count == Int64(room))
  }

  @inline(__always)
  private mutating func makeRoom(_ first: Int, _ most: Int) {
    if start == end {
      start = 0
      end = 0
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
    start = 0
    end = count
    capacity = count
  }
}
