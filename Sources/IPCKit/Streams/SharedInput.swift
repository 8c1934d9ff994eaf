// Where the reads of all reply handlers go first: most of what comes is answered before the next read, so that a connection
// needs memory of its own only for the start of a frame whose end has not come.

internal import CIPCShim
internal import Glibc

/// Room for one read at a time.
@safe struct SharedInput: ~Copyable {
  /// In bytes.
  static let size = 1 << 16
  private let base: UnsafeMutableRawPointer

  init() {
    // malloc answers null only where the system has no memory left, in which Swift's own allocations end the program too.
    guard let made = unsafe malloc(Self.size) else { fatalError("out of memory") }
    unsafe base = made
  }

  deinit { unsafe free(base) }

  /// Reads once: how many bytes came, 0 at the end of the file, or the negated errno. read(2).
  @inline(__always)
  func read(from descriptor: borrowing FileDescriptor) -> Int64 {
    // As much room as there is; the shim keeps no pointer.
    unsafe ipc_read(descriptor.number, base, Self.size)
  }

  /// The first bytes of the last read, valid until the next.
  @inline(__always)
  @unsafe func bytes(_ count: Int) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: base, count: count)
  }
}
