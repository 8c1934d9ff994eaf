// Memory for bytes on their way, lent to a connection only while it holds some: a silent connection has none.

internal import Glibc

/// Buffers of one size that nobody uses just now.
@safe struct BufferPool: ~Copyable {
  /// The size of each, in bytes.
  static let size = 1 << 16
  /// More than this are not kept: a moment's crowd must not cost memory for ever.
  private static let most = 16

  private var free: [UnsafeMutableRawPointer] = unsafe []

  deinit {
    for unsafe buffer in unsafe free { unsafe Glibc.free(buffer) }
  }

  /// A buffer, the caller's until it is given back.
  mutating func take() -> UnsafeMutableRawPointer {
    if let buffer = unsafe free.popLast() { return unsafe buffer }
    // malloc answers null only where the system has no memory left, in which Swift's own allocations end the program too.
    guard let made = unsafe malloc(Self.size) else { fatalError("out of memory") }
    return unsafe made
  }

  /// Takes a buffer back.
  mutating func give(_ buffer: UnsafeMutableRawPointer) {
    if unsafe free.count < Self.most { unsafe free.append(buffer) } else { unsafe Glibc.free(buffer) }
  }
}
