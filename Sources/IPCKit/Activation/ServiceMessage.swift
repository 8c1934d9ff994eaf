// A message to the service manager: checked before any of it is sent, because the manager drops what it does not
// understand and answers nothing.

internal import CIPCShim
internal import Glibc

/// Assignments, each on a line of its own.
struct ServiceMessage: Sendable {
  let text: String

  /// The most that a manager reads of a message, in bytes: PIPE_BUF. It drops a longer one.
  static let limit = 4096

  /// BARRIER=1, which goes alone.
  static let barrier = ServiceMessage(text: "BARRIER=1")

  init(_ states: [ServiceState]) throws(SystemError) {
    var lines: [String] = []
    for assignment in states.flatMap(\.assignments) { lines.append(try Self.line(assignment)) }
    let text = lines.joined(separator: "\n")
    guard text.utf8.count <= Self.limit else {
      throw SystemError(errno: EMSGSIZE, operation: "notify", object: "\(text.utf8.count) bytes")
    }
    self.init(text: text)
  }

  /// FDSTORE=1 of that many descriptors.
  init(storing count: Int, named name: String, isPolled: Bool) throws(SystemError) {
    try Self.check(name)
    guard (1...DescriptorList.mostInMessage).contains(count) else {
      throw SystemError(errno: EINVAL, operation: "store", object: "\(count) descriptors in one message")
    }
    self.init(text: "FDSTORE=1\nFDNAME=\(name)" + (isPolled ? "" : "\nFDPOLL=0"))
  }

  /// FDSTOREREMOVE=1 of all that have the name.
  init(removing name: String) throws(SystemError) {
    try Self.check(name)
    self.init(text: "FDSTOREREMOVE=1\nFDNAME=\(name)")
  }

  private init(text: String) { self.text = text }

  private static func line(_ assignment: ServiceState.Assignment) throws(SystemError) -> String {
    let line = "\(assignment.name)=\(assignment.value)"
    let isName = !assignment.name.isEmpty && !assignment.name.utf8.contains(UInt8(ascii: "="))
    guard isName, !line.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "\n") }) else {
      throw SystemError(errno: EINVAL, operation: "notify", object: "\(line.debugDescription)")
    }
    return line
  }

  /// The manager would store the descriptors as `stored` under a name that it does not like.
  private static func check(_ name: String) throws(SystemError) {
    let isName = name.utf8.allSatisfy { (0x20..<0x7f).contains($0) && $0 != UInt8(ascii: ":") }
    guard isName, (1...255).contains(name.utf8.count) else {
      throw SystemError(errno: EINVAL, operation: "name a stored descriptor", object: name.debugDescription)
    }
  }
}

extension ServiceMessage {
  /// Sends it with copies of the descriptors. Blocks while the manager has too much unread, and for up to 100 ms where the
  /// kernel has no room for the message.
  func send(lending descriptors: borrowing DescriptorList) throws(SystemError) {
    try unsafe descriptors.withNumbers { (numbers) throws(SystemError) in unsafe try send(numbers) }
  }

  /// The same with one.
  func send(lending descriptor: borrowing FileDescriptor) throws(SystemError) {
    // The descriptor is borrowed for longer than its number is lent.
    try unsafe withUnsafePointer(to: descriptor.number) { (number) throws(SystemError) in
      unsafe try send(UnsafeBufferPointer(start: number, count: 1))
    }
  }

  /// The same with none.
  func send() throws(SystemError) { unsafe try send(UnsafeBufferPointer(start: nil, count: 0)) }

  @unsafe private func send(_ numbers: UnsafeBufferPointer<CInt>) throws(SystemError) {
    var result: CInt
    var pauses = 0
    repeat {
      // The shim reads a C string and as many numbers as it is told, and keeps no pointer.
      result = unsafe ipc_notify(text, numbers.baseAddress, CUnsignedInt(numbers.count))
      // A manager that does not hear that something was let go keeps it: a shortage that passes must not cost a message.
    } while Self.shortages.contains(-result) && Self.pause(&pauses)
    _ = try SystemError.check(result, "sd_notify")
  }

  private static let shortages: [CInt] = [EMFILE, ENFILE, ENOBUFS, ENOMEM, ETOOMANYREFS]

  /// Waits for 10 ms; false after the tenth time.
  private static func pause(_ pauses: inout Int) -> Bool {
    guard pauses < 10 else { return false }
    pauses += 1
    usleep(10_000)
    return true
  }
}
