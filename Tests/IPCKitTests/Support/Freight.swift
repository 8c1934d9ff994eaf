// Descriptors to send and messages to receive. What is sent is the writing end of a pipe: its name says which it is
// wherever it has gone, and its reader hears when nobody has it any more.

import Glibc
import IPCKit

/// Descriptors to send, and what tells their fate.
final class Freight: @unchecked Sendable {
  // One thread at a time uses it.
  private(set) var descriptors = DescriptorList()
  /// What they lead to, in their order.
  private(set) var names: [String] = []
  private var readers = DescriptorList()

  init(_ count: Int) throws {
    for _ in 0..<count {
      let pipe = try Pipe()
      try pipe.reading.setNonBlocking(true)
      names.append(target(of: pipe.writing) ?? "?")
      readers.append(pipe.reading)
      descriptors.append(pipe.writing)
    }
  }

  /// Hands the descriptors over; the readers stay.
  func take() -> DescriptorList {
    var taken = DescriptorList()
    swap(&taken, &descriptors)
    return taken
  }

  /// Whether somebody still has it.
  func isHeld(_ position: Int) throws -> Bool {
    do throws(SystemError) {
      return try !readOnce(readers[position], 1).isEmpty
    } catch {
      guard error.errno == EAGAIN else { throw error }
      return true
    }
  }

  /// Waits until nobody has any of them any more.
  func untilAllAreGone() throws {
    for position in 0..<readers.count { try untilGone(position) }
  }

  /// Waits until nobody has that one any more.
  func untilGone(_ position: Int) throws {
    try eventually("wait for \(names[position]) to be closed") { try !isHeld(position) }
  }
}

/// What the descriptors of a list lead to, in order.
func names(of descriptors: borrowing DescriptorList) -> [String] {
  var names: [String] = []
  for position in 0..<descriptors.count { names.append(target(of: descriptors[position]) ?? "?") }
  return names
}

/// A message as the tests look at it.
struct Received: ~Copyable {
  var text: String
  var descriptors: DescriptorList

  var names: [String] { IPCKitTests.names(of: descriptors) }

  /// What can be compared.
  var summary: String { "\(text) \(names.joined(separator: " "))" }

  consuming func intoDescriptors() -> DescriptorList { descriptors }
}

/// Receives once, up to 64 KiB.
func receive(
  _ socket: borrowing FileDescriptor, _ size: Int = 1 << 16, limit: Int = DescriptorList.mostInMessage,
  deadline: Deadline = .after(.seconds(60))
) throws(IPCError) -> Received {
  var buffer = [UInt8](repeating: 0, count: size)
  var span = buffer.mutableSpan
  // Bytes seen as raw bytes.
  var bytes = unsafe span.mutableBytes
  let message = try socket.receive(into: &bytes, descriptorLimit: limit, deadline: deadline)
  let text = String(decoding: buffer.prefix(message.count), as: UTF8.self)
  return Received(text: text, descriptors: message.descriptors)
}

extension FileDescriptor {
  /// The library's call with text and a list.
  func send(
    _ text: String, lending descriptors: borrowing DescriptorList, deadline: Deadline = .after(.seconds(60))
  ) throws(IPCError) {
    let bytes = Array(text.utf8)
    // Bytes seen as raw bytes, here and below: nothing is reinterpreted.
    try unsafe send(bytes.span.bytes, lending: descriptors, deadline: deadline)
  }

  /// The same with a list that is given away.
  func send(
    _ text: String, passing descriptors: consuming DescriptorList, deadline: Deadline = .after(.seconds(60))
  ) throws(IPCError) {
    let bytes = Array(text.utf8)
    try unsafe send(bytes.span.bytes, passing: descriptors, deadline: deadline)
  }
}

/// Options of sockets that Swift's Glibc has no names for.
enum SocketOption: Int32 {
  /// SO_PASSCRED
  case credentials = 16
  /// SO_TIMESTAMP
  case time = 29
  /// SO_PASSPIDFD, from Linux 6.5
  case processDescriptor = 76
  /// SO_PASSRIGHTS, from Linux 6.16
  case descriptors = 83
}

extension FileDescriptor {
  /// setsockopt(2); false where the kernel does not know the option.
  func set(_ option: SocketOption, _ value: Int32) throws -> Bool {
    var value = value
    // The option is an integer, and the number is used while its owner is borrowed.
    let result = unsafe withUnsafeNumber {
      unsafe setsockopt($0, SOL_SOCKET, option.rawValue, &value, socklen_t(MemoryLayout<Int32>.size))
    }
    guard result < 0 else { return true }
    guard errno == ENOPROTOOPT else { throw SystemError(errno: errno, operation: "setsockopt") }
    return false
  }
}

extension Freight {
  /// One of them, as a list to lend or to pass.
  func copy(_ position: Int) throws -> DescriptorList { DescriptorList(try descriptors[position].duplicate()) }
}
