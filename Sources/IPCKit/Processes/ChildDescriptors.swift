// What a child has open, decided number by number: everything that is listed here, and nothing else.

internal import CIPCShim

/// The descriptors of a child, each under the number that it has there.
///
/// The list owns them, and the start of the child consumes the list: this process's copies are closed then, whether the
/// child starts or not. What is not listed of 0, 1 and 2 is /dev/null, or the terminal of a child that has one. Numbers
/// need not follow each other, nor differ from those that are in use here.
///
/// ```swift
/// func cat(_ input: consuming FileDescriptor, on loop: EventLoop) async throws(IPCError) -> ExitStatus {
///   var descriptors = ChildDescriptors()
///   descriptors.inherit(1)
///   descriptors.set(7, to: input)
///   let command = Command(arguments: ["sh", "-c", "cat <&7"], environment: .inherited)
///   return try await command.start(with: descriptors, on: loop, deadline: .after(.seconds(10))).exit()
/// }
/// ```
///
/// The child shares the open file with whoever else has it, its O_NONBLOCK included.
public struct ChildDescriptors: ~Copyable, Sendable {
  /// By ascending number.
  private var entries: [Entry] = []

  /// Nothing but 0, 1 and 2.
  public init() {}

  /// The child has `descriptor` under each of `numbers`, in place of what was listed there, which is closed.
  /// - Precondition: there is a number, and none is negative.
  public mutating func set(_ numbers: Int32..., to descriptor: consuming FileDescriptor) {
    precondition(!numbers.isEmpty, "a child that has a descriptor has it under a number")
    precondition(numbers.allSatisfy { $0 >= 0 }, "a descriptor number is never negative")
    let owner = Owner(descriptor)
    for number in numbers { set(number, .owned(owner)) }
  }

  /// The child's standard input, output or error is this process's own, which stays open here. Where it is not open, see
  /// ``StandardStreams``, the start fails with EBADF.
  /// - Precondition: `number` is 0, 1 or 2.
  public mutating func inherit(_ number: Int32) {
    precondition((0...2).contains(number), "not a standard stream")
    set(number, .ownStream)
  }

  private mutating func set(_ number: Int32, _ source: Source) {
    entries.removeAll { $0.number == number }
    let position = entries.firstIndex { $0.number > number } ?? entries.endIndex
    entries.insert(Entry(number: number, source: source), at: position)
  }
}

extension ChildDescriptors {
  private struct Entry {
    let number: CInt
    let source: Source
  }

  private enum Source {
    case owned(Owner)
    case ownStream
    case terminal
  }

  /// An array cannot hold what cannot be copied; what can be, the reference, stays in one list.
  private final class Owner: Sendable {
    let descriptor: FileDescriptor
    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
  }

  /// Lists those of 0, 1 and 2 that are not: the terminal, or /dev/null. open(2).
  /// - Throws: EBADF when one that is to be inherited is not open: what is opened next would have its number.
  mutating func addStandardStreams(areTerminal: Bool) throws(SystemError) {
    for case let (number, .ownStream) in entries.map({ ($0.number, $0.source) }) {
      _ = try SystemError.check(ipc_is_close_on_exec(number), "inherit", "descriptor \(number)")
    }
    let missing = (0...2 as ClosedRange<CInt>).filter { number in !entries.contains { $0.number == number } }
    guard !missing.isEmpty else { return }
    let source: Source = areTerminal ? .terminal : .owned(Owner(try Self.openNull()))
    for number in missing { set(number, source) }
  }

  private static func openNull() throws(SystemError) -> FileDescriptor {
    try FileDescriptor(checking: ipc_open_null(), "open", "/dev/null", at: .here())
  }

  /// For a request to the shim, while the list lives.
  var placements: [ipc_placement] {
    entries.map { entry in
      switch entry.source {
      case .owned(let owner): ipc_placement(number: entry.number, source: owner.descriptor.number)
      case .ownStream: ipc_placement(number: entry.number, source: entry.number)
      case .terminal: ipc_placement(number: entry.number, source: IPC_TERMINAL_SIDE)
      }
    }
  }
}
