// Memory for bytes on their way, lent to a connection only while it holds some: a silent connection has none.

internal import Glibc

/// Buffers of one size that nobody uses just now, in a list that runs through the buffers themselves.
@safe struct BufferPool: ~Copyable {
  /// The size of each, in bytes.
  static let size = 1 << 16
  /// More than this are not kept: a moment's crowd must not cost memory for ever.
  private static let most = 16

  private var first: UnsafeMutableRawPointer?
  private var count = 0

  deinit {
    var next = unsafe first
    while let buffer = unsafe next {
      unsafe next = buffer.load(as: UnsafeMutableRawPointer?.self)
      unsafe free(buffer)
    }
  }

  /// A buffer, the caller's until it is given back.
  @inline(__always)
  mutating func take() -> UnsafeMutableRawPointer {
    guard let buffer = unsafe first else { return unsafe make() }
    // A buffer in the list begins with the address of the next one.
    unsafe first = buffer.load(as: UnsafeMutableRawPointer?.self)
    count -= 1
    return unsafe buffer
  }

  @inline(never)
  private func make() -> UnsafeMutableRawPointer {
    // malloc answers null only where the system has no memory left, in which Swift's own allocations end the program too.
    guard let made = unsafe malloc(Self.size) else { fatalError("out of memory") }
    return unsafe made
  }

  /// Takes a buffer back.
  @inline(__always)
  mutating func give(_ buffer: UnsafeMutableRawPointer) {
    guard count < Self.most else { return unsafe free(buffer) }
    // Nobody else uses the buffer any more, and it is larger than an address.
    unsafe buffer.storeBytes(of: first, as: UnsafeMutableRawPointer?.self)
    unsafe first = buffer
    count += 1
  }
}
