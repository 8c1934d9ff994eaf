// Many descriptors with one owner, in order: what a message carries. An array cannot hold them, so they stand in memory of
// the list's own.

internal import CIPCShim
internal import Glibc

/// Descriptors in order, each owned by the list until it is taken out.
///
/// What nobody takes is closed where the list ends.
///
/// ```swift
/// func readAll(_ descriptors: consuming DescriptorList) throws(IPCError) -> [String] {
///   var lines: [String] = []
///   while let descriptor = descriptors.popFirst() {
///     var reader = BufferedReader(descriptor)
///     if let line = try reader.nextLine(as: String.self) { lines.append(line) }
///   }
///   return lines
/// }
/// ```
@safe public struct DescriptorList: ~Copyable, @unchecked Sendable {
  // Sendable, because the memory is this value's alone, as an array's would be.
  private var base: UnsafeMutablePointer<FileDescriptor>?
  private var capacity = 0
  /// How many there are.
  public private(set) var count = 0

  /// The most that one message can carry: the kernel's SCM_MAX_FD.
  public static let mostInMessage = Int(IPC_MOST_DESCRIPTORS)

  /// No descriptors; allocates nothing.
  public init() {}

  /// One descriptor, which becomes the list's.
  public init(_ descriptor: consuming FileDescriptor) {
    append(descriptor)
  }

  deinit {
    // As many as were put there; each is closed by its own end.
    unsafe base?.deinitialize(count: count)
    unsafe base?.deallocate()
  }

  /// Whether there are none.
  public var isEmpty: Bool { count == 0 }

  /// Adds a descriptor at the end; it becomes the list's.
  public mutating func append(_ descriptor: consuming FileDescriptor) {
    if count == capacity { reserve(max(1, 2 * count)) }
    // There is room for one more.
    if let base = unsafe base { unsafe (base + count).initialize(to: descriptor) }
    count += 1
  }

  /// Adds all of another list's at the end, in their order.
  public mutating func append(contentsOf other: consuming DescriptorList) {
    reserve(count + other.count)
    if let base = unsafe base, let source = unsafe other.base {
      // Moved into room that was just made; the other list is empty then.
      unsafe (base + count).moveInitialize(from: source, count: other.count)
    }
    count += other.count
    other.count = 0
  }

  /// Adds descriptors that the kernel just handed out, to nobody else.
  mutating func append(owning numbers: UnsafeBufferPointer<CInt>) {
    reserve(count + numbers.count)
    for index in numbers.indices { append(unsafe FileDescriptor(owning: numbers[index])) }
  }

  /// Takes the first one out; nil when there is none. It is the caller's from now on.
  public mutating func popFirst() -> FileDescriptor? { isEmpty ? nil : remove(at: 0) }

  /// Takes one out; those behind it move up by one. It is the caller's from now on.
  /// - Precondition: there is one at that position.
  public mutating func remove(at position: Int) -> FileDescriptor {
    guard let base = unsafe base, position >= 0, position < count else {
      preconditionFailure("no descriptor at \(position) in a list of \(count)")
    }
    // One of those that are there; what is behind it closes the gap.
    let descriptor = unsafe (base + position).move()
    count -= 1
    unsafe (base + position).moveInitialize(from: base + position + 1, count: count - position)
    return descriptor
  }

  /// One of them, which stays the list's.
  /// - Precondition: there is one at that position.
  public subscript(position: Int) -> FileDescriptor {
    unsafeAddress {
      guard let base = unsafe base, position >= 0, position < count else {
        preconditionFailure("no descriptor at \(position) in a list of \(count)")
      }
      return unsafe UnsafePointer(base + position)
    }
  }

  private mutating func reserve(_ wanted: Int) {
    guard wanted > capacity else { return }
    let larger = UnsafeMutablePointer<FileDescriptor>.allocate(capacity: wanted)
    if let base = unsafe base {
      // Moved to memory that has room for more.
      unsafe larger.moveInitialize(from: base, count: count)
      unsafe base.deallocate()
    }
    unsafe base = larger
    capacity = wanted
  }
}

extension DescriptorList {
  /// Lends the numbers to `body`, in their order.
  borrowing func withNumbers<Result, Failure: Error>(
    _ body: (UnsafeBufferPointer<CInt>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard let base = unsafe base else { return unsafe try body(UnsafeBufferPointer(start: nil, count: 0)) }
    // A descriptor is its number and nothing else.
    return unsafe try base.withMemoryRebound(to: CInt.self, capacity: count) { (numbers) throws(Failure) in
      unsafe try body(UnsafeBufferPointer(start: numbers, count: count))
    }
  }
}
