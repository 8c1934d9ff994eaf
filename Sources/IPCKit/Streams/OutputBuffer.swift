// Bytes on their way out: replies collected for one send, and what a slow peer has not taken yet.

internal import CIPCShim
internal import Glibc

/// A queue of bytes for a descriptor.
@safe struct OutputBuffer: ~Copyable {
  private var base: UnsafeMutableRawPointer?
  private var capacity = 0
  private var start = 0
  private var end = 0

  deinit { unsafe free(base) }

  var count: Int { end &- start }
  var isEmpty: Bool { start == end }

  /// Adds bytes, in a buffer of the pool's as long as they fit there.
  @inline(__always)
  mutating func append(_ bytes: UnsafeRawBufferPointer, _ pool: inout BufferPool) {
    guard let source = bytes.baseAddress else { return }
    ensureRoom(bytes.count, &pool)
    // There is room for so many behind the end.
    if let base = unsafe base { unsafe _ = memcpy(base + end, source, bytes.count) }
    end = end &+ bytes.count
  }

  @inline(__always)
  private mutating func ensureRoom(_ count: Int, _ pool: inout BufferPool) {
    if capacity == 0 {
      unsafe base = pool.take()
      capacity = BufferPool.size
    }
    if count > capacity &- end { makeRoom(count) }
  }

  /// Room for `count` bytes behind what is there, for who writes there himself and then tells with ``commit(_:)``.
  @unsafe mutating func room(for count: Int, _ pool: inout BufferPool) -> UnsafeMutableRawBufferPointer {
    ensureRoom(count, &pool)
    guard let base = unsafe base else { return unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0) }
    return unsafe UnsafeMutableRawBufferPointer(start: base + end, count: capacity - end)
  }

  /// So many bytes were written into the room.
  mutating func commit(_ count: Int) { end = end &+ count }

  private mutating func makeRoom(_ more: Int) {
    if start > 0 {
      // Both ranges are inside the memory; memmove(3) allows them to overlap.
      if let base = unsafe base { unsafe _ = memmove(base, base + start, count) }
      end -= start
      start = 0
    }
    guard end + more > capacity else { return }
    let size = max(capacity * 2, end + more)
    guard let larger = unsafe realloc(base, size) else { fatalError("out of memory") }
    unsafe base = larger
    capacity = size
  }

  /// What is left, valid until the next change.
  @unsafe var unsentUnsafe: UnsafeRawBufferPointer {
    guard let base = unsafe base else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
    return unsafe UnsafeRawBufferPointer(start: base + start, count: count)
  }

  /// Sends once: how many bytes were taken, or the negated errno. send(2).
  @inline(__always)
  mutating func send(to descriptor: borrowing FileDescriptor) -> Int64 {
    guard let base = unsafe base, !isEmpty else { return 0 }
    // As many bytes as are there; the shim keeps no pointer.
    let sent = unsafe ipc_send(descriptor.number, base + start, count)
    guard sent > 0 else { return sent }
    start = start &+ Int(sent)
    if start == end { becomeEmpty() }
    return sent
  }

  /// Forgets what is left.
  mutating func drop() { becomeEmpty() }

  /// What a long reply took is not kept for the short ones.
  @inline(__always)
  private mutating func becomeEmpty() {
    start = 0
    end = 0
    guard capacity > BufferPool.size else { return }
    unsafe free(base)
    unsafe base = nil
    capacity = 0
  }

  /// Gives the memory back once nothing is left.
  @inline(__always)
  mutating func settle(into pool: inout BufferPool) {
    guard isEmpty, let base = unsafe base else { return }
    if capacity == BufferPool.size { unsafe pool.give(base) } else { unsafe free(base) }
    unsafe self.base = nil
    capacity = 0
    start = 0
    end = 0
  }
}
