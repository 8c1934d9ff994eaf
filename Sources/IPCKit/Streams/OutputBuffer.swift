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

  /// Adds bytes and one more behind them.
  @inline(__always)
  mutating func append(_ bytes: UnsafeRawBufferPointer, _ last: UInt8, _ pool: inout BufferPool) {
    ensureRoom(bytes.count &+ 1, &pool)
    // There is room for so many behind the end.
    if let base = unsafe base {
      if let source = bytes.baseAddress { unsafe _ = memcpy(base + end, source, bytes.count) }
      unsafe base.storeBytes(of: last, toByteOffset: end &+ bytes.count, as: UInt8.self)
    }
    end = end &+ bytes.count &+ 1
  }

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

  /// Sends once: how many bytes were taken, or the negated errno. send(2).
  @inline(__always)
  mutating func send(to descriptor: borrowing FileDescriptor) -> Int64 {
    guard let base = unsafe base, !isEmpty else { return 0 }
    // As many bytes as are there; the shim keeps no pointer.
    let sent = unsafe ipc_send(descriptor.number, base + start, count)
    guard sent > 0 else { return sent }
    start = start &+ Int(sent)
    if start == end {
      start = 0
      end = 0
    }
    return sent
  }

  /// Forgets all but the first `count` bytes of what is left.
  mutating func truncate(to count: Int) { end = start + count }

  /// Forgets what is left.
  mutating func drop() {
    start = 0
    end = 0
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
