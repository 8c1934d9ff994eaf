// Memory that owns descriptors, since an array cannot hold what is not copyable.

/// Descriptors in order, each owned by the memory until it is moved out. A list alone holds it.
@safe final class DescriptorMemory {
  private var base: UnsafeMutablePointer<FileDescriptor>?
  private var capacity = 0
  /// How many stand there.
  private(set) var count = 0

  deinit {
    // As many as were put there; each is closed by its own end.
    unsafe base?.deinitialize(count: count)
    unsafe base?.deallocate()
  }

  func append(_ descriptor: consuming FileDescriptor) {
    if count == capacity { reserve(count + 1) }
    // There is room for one more.
    if let base = unsafe base { unsafe (base + count).initialize(to: descriptor) }
    count += 1
  }

  /// Moves all of another memory's to the end.
  func append(contentsOf other: DescriptorMemory) {
    reserve(count + other.count)
    if let base = unsafe base, let source = unsafe other.base {
      // Moved into room that was just made; the other memory is empty then.
      unsafe (base + count).moveInitialize(from: source, count: other.count)
    }
    count += other.count
    other.count = 0
  }

  /// Moves one out; those behind it move up by one.
  func remove(at position: Int) -> FileDescriptor {
    guard let base = unsafe base, position >= 0, position < count else {
      preconditionFailure("no descriptor at \(position) of \(count)")
    }
    // One of those that are there; what is behind it closes the gap.
    let descriptor = unsafe (base + position).move()
    count -= 1
    unsafe (base + position).moveInitialize(from: base + position + 1, count: count - position)
    return descriptor
  }

  subscript(position: Int) -> FileDescriptor {
    unsafeAddress {
      guard let base = unsafe base, position >= 0, position < count else {
        preconditionFailure("no descriptor at \(position) of \(count)")
      }
      return unsafe UnsafePointer(base + position)
    }
  }

  /// Makes room for so many in all, and for twice as many as there was, that adding one by one costs little.
  func reserve(_ wanted: Int) {
    guard wanted > capacity else { return }
    let room = max(wanted, 2 * capacity)
    let larger = UnsafeMutablePointer<FileDescriptor>.allocate(capacity: room)
    if let base = unsafe base {
      // Moved to memory that has room for more.
      unsafe larger.moveInitialize(from: base, count: count)
      unsafe base.deallocate()
    }
    unsafe base = larger
    capacity = room
  }

  /// Lends the numbers to `body`, in their order.
  func withNumbers<Result, Failure: Error>(
    _ body: (UnsafeBufferPointer<CInt>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard let base = unsafe base else { return unsafe try body(UnsafeBufferPointer(start: nil, count: 0)) }
    // A descriptor is its number and nothing else.
    return unsafe try base.withMemoryRebound(to: CInt.self, capacity: count) { (numbers) throws(Failure) in
      unsafe try body(UnsafeBufferPointer(start: numbers, count: count))
    }
  }
}
