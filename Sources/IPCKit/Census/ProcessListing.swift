// A process's own list of its descriptors: /proc/PID/fd and /proc/PID/fdinfo, open while they are read.

internal import CIPCShim
internal import Glibc

/// Two directories of /proc, which are two descriptors of whoever reads them.
package struct ProcessListing: ~Copyable {
  let processID: Int32
  /// Its directory.
  let path: String
  private let links: FileDescriptor
  private let information: FileDescriptor?
  /// The number of `information`, or -1.
  private let informationNumber: Int32

  /// - Throws: ENOENT when there is no such process, EACCES when it may not be looked into.
  init(_ processID: Int32) throws(SystemError) {
    try self.init(processID, { path throws(SystemError) in try Self.open(path) })
  }

  /// One that may have no information: there are processes of which only the links may be seen.
  init(linksOf processID: Int32) throws(SystemError) {
    try self.init(
      processID,
      { path throws(SystemError) in
        do throws(SystemError) { return try Self.open(path) } catch {
          guard error.errno == EACCES else { throw error }
          return nil
        }
      })
  }

  private init(
    _ processID: Int32, _ information: (String) throws(SystemError) -> FileDescriptor?
  ) throws(SystemError) {
    var path = processID == getpid() ? "/proc/thread-self" : "/proc/\(processID)"
    var links = try Self.open("\(path)/fd")
    // What the first thread of a process held is out of sight once that thread has ended, though others still hold it.
    if ipc_size(links.number) <= 0, let thread = RunningProcess(processID)?.threadAfterTheFirst {
      path = "/proc/\(processID)/task/\(thread)"
      links = try Self.open("\(path)/fd")
    }
    let opened = try information("\(path)/fdinfo")
    self.processID = processID
    self.path = path
    self.links = links
    informationNumber = Self.number(of: opened)
    self.information = opened
  }

  private static func number(of descriptor: borrowing FileDescriptor?) -> Int32 {
    switch descriptor {
    case .some(let descriptor): descriptor.number
    case nil: -1
    }
  }

  /// Whether a number of this process is one of the two.
  func isOwn(_ number: Int32) -> Bool { number == links.number || number == informationNumber }

  /// How many there are, as the directory's size tells since Linux 6.2; else 0.
  var expectedCount: Int { max(Int(ipc_size(links.number)), 0) }

  /// Calls `body` with all numbers, in ascending order as the kernel lists them.
  func forEachNumber(_ body: (Int32) throws(SystemError) -> Void) throws(SystemError) {
    try Self.forEachNumber(links, body)
  }

  /// The link's bytes, in the buffer: how many. Nil when the descriptor was closed meanwhile.
  /// - Throws: ENAMETOOLONG when the path has more than 4,095 bytes; EACCES, EMFILE.
  func link(_ number: Int32, _ buffer: inout [UInt8]) throws(SystemError) -> Int? {
    // The shim stores as many bytes as there is room for.
    let length = unsafe buffer.withUnsafeMutableBytes { buffer in
      unsafe buffer.baseAddress.map { unsafe ipc_read_link(links.number, number, $0, buffer.count) } ?? -1
    }
    return try Self.checkOpen(length, "readlink", "\(path)/fd/\(number)")
  }

  /// The information's bytes, in the buffer, which grows where it must: how many. Nil when the descriptor was closed
  /// meanwhile.
  /// - Throws: EACCES, EMFILE.
  func information(_ number: Int32, _ buffer: inout [UInt8]) throws(SystemError) -> Int? {
    while true {
      // The shim stores as many bytes as there is room for.
      let length = unsafe buffer.withUnsafeMutableBytes { buffer in
        unsafe buffer.baseAddress.map { unsafe ipc_read_entry(informationNumber, number, $0, buffer.count) } ?? -1
      }
      guard let count = try Self.checkOpen(length, "open", "\(path)/fdinfo/\(number)") else { return nil }
      if count < buffer.count { return count }
      // What an epoll instance watches can be much.
      buffer = [UInt8](repeating: 0, count: buffer.count * 4)
    }
  }

  /// A shim's answer; nil when there is no such descriptor or process any more.
  private static func checkOpen(
    _ result: Int64, _ operation: StaticString, _ object: @autoclosure () -> String
  ) throws(SystemError) -> Int? {
    if result == -Int64(ENOENT) || result == -Int64(ESRCH) { return nil }
    return Int(try SystemError.check(result, operation, object()))
  }

  /// What a descriptor with a path leads to; nil when it was closed meanwhile, or its file system does not answer.
  func status(_ number: Int32) -> ipc_held_status? {
    var status = ipc_held_status()
    // The shim fills the structure.
    return unsafe ipc_held_status(links.number, number, &status) < 0 ? nil : status
  }

  /// The kernel's name for a socket's protocol, such as `UNIX-STREAM`; nil when the socket was closed meanwhile.
  /// - Throws: EACCES, EMFILE.
  func socketProtocol(_ number: Int32) throws(SystemError) -> String? {
    var buffer = [CChar](repeating: 0, count: 64)
    // The shim stores as many bytes as there is room for.
    let length = unsafe ipc_socket_protocol(links.number, number, &buffer, buffer.count)
    // Another kind of file has its number then.
    if length == -Int64(ENODATA) || length == -Int64(EOPNOTSUPP) { return nil }
    return try Self.checkOpen(length, "getxattr", "\(path)/fd/\(number)").map { count in
      String(decoding: buffer.prefix(count).lazy.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
  }

  private static func open(_ path: String) throws(SystemError) -> FileDescriptor {
    // The path is a C string for the length of the call.
    try FileDescriptor(checking: unsafe ipc_open_listing(path), "open", path, at: .here())
  }

  /// The numbers among the names in a directory, some at a time: what is looked at between two readings is still at hand.
  private static func forEachNumber(
    _ directory: borrowing FileDescriptor, _ body: (Int32) throws(SystemError) -> Void
  ) throws(SystemError) {
    var buffer = [Int32](repeating: 0, count: 256)
    while true {
      // The shim stores at most as many as it is told.
      let result = unsafe ipc_list_numbers(directory.number, &buffer, CInt(buffer.count))
      let count = try SystemError.check(result, "getdents64")
      if count == 0 { return }
      for number in buffer.prefix(Int(count)) { try body(number) }
    }
  }

  /// All numbers that name something in a directory of /proc, in order: processes in /proc itself, or threads.
  package static func numbers(in path: String) throws(SystemError) -> [Int32] {
    var numbers: [Int32] = []
    try forEachNumber(open(path)) { numbers.append($0) }
    return numbers
  }

  /// All processes that can be seen, in order.
  package static func processes() throws(SystemError) -> [Int32] { try numbers(in: "/proc") }

  /// A process's name, at most 15 bytes, from /proc/PID/comm; empty when it has gone.
  package static func name(ofProcess processID: Int32) -> String {
    guard let bytes = try? KernelText.contents(of: "/proc/\(processID)/comm") else { return "" }
    // A name may have line breaks of its own.
    return String(decoding: bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...], as: UTF8.self)
  }
}
