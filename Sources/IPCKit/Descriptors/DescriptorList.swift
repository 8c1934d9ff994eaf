// Many descriptors with one owner, in order: what a message carries.

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

  /// The only one, until there is a second: most messages carry one, and it costs no memory.
  private var only: FileDescriptor?
  /// All of them, once there was a second.
  private var many: DescriptorMemory?

  /// The most that one message can carry: the kernel's SCM_MAX_FD.
  public static let mostInMessage = Int(IPC_MOST_DESCRIPTORS)

  /// No descriptors; allocates nothing.
  public init() {}

  /// One descriptor, which becomes the list's.
  public init(_ descriptor: consuming FileDescriptor) {
    only = consume descriptor
  }

  /// How many there are.
  public var count: Int { only == nil ? many?.count ?? 0 : 1 }

  /// Whether there are none.
  public var isEmpty: Bool { count == 0 }

  /// Adds a descriptor at the end; it becomes the list's.
  public mutating func append(_ descriptor: consuming FileDescriptor) {
    if isEmpty {
      only = consume descriptor
    } else {
      makeRoom(for: 1).append(descriptor)
    }
  }

  /// Adds all of another list's at the end, in their order.
  public mutating func append(contentsOf other: consuming DescriptorList) {
    if let descriptor = other.only.take() { return append(descriptor) }
    if let more = other.many { makeRoom(for: more.count).append(contentsOf: more) }
  }

  /// Adds descriptors that the kernel just handed out, to nobody else.
  mutating func append(owning numbers: UnsafeBufferPointer<CInt>, at site: CallSite) {
    for index in numbers.indices { append(unsafe FileDescriptor(owning: numbers[index], at: site)) }
  }

  /// Takes the first one out; nil when there is none. It is the caller's from now on.
  public mutating func popFirst() -> FileDescriptor? { isEmpty ? nil : remove(at: 0) }

  /// Takes one out; those behind it move up by one. It is the caller's from now on.
  /// - Precondition: there is one at that position.
  public mutating func remove(at position: Int) -> FileDescriptor {
    checkPosition(position)
    if let descriptor = only.take() { return descriptor }
    return memory.remove(at: position)
  }

  /// One of them, which stays the list's.
  /// - Precondition: there is one at that position.
  public subscript(position: Int) -> FileDescriptor {
    _read {
      checkPosition(position)
      switch only {
      case .none: yield memory[position]
      case .some(let descriptor): yield descriptor
      }
    }
  }

  private func checkPosition(_ position: Int) {
    precondition(position >= 0 && position < count, "no descriptor at \(position) in a list of \(count)")
  }

  /// Where they stand when there is not only one.
  private var memory: DescriptorMemory {
    guard let many else { preconditionFailure("descriptors without memory") }
    return many
  }

  /// Memory with all of them and room for as many more.
  private mutating func makeRoom(for more: Int) -> DescriptorMemory {
    let memory = many ?? DescriptorMemory()
    memory.reserve(count + more)
    if let descriptor = only.take() { memory.append(descriptor) }
    many = memory
    return memory
  }

  /// Lends the numbers to `body`, in their order.
  borrowing func withNumbers<Result, Failure: Error>(
    _ body: (UnsafeBufferPointer<CInt>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    switch only {
    case .none:
      guard let many else { return unsafe try body(UnsafeBufferPointer(start: nil, count: 0)) }
      return unsafe try many.withNumbers(body)
    case .some(let descriptor):
      // Good for the length of the call, as the descriptor is.
      return unsafe try withUnsafePointer(to: descriptor.number) { (number) throws(Failure) in
        unsafe try body(UnsafeBufferPointer(start: number, count: 1))
      }
    }
  }
}
