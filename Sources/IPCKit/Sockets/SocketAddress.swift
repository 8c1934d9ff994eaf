// An address as the kernel takes it: 107 bytes and no more. A longer path is cut after its directory, which is opened, and
// /proc/self/fd leads from there.

internal import CIPCShim
internal import Glibc

/// What bind(2), connect(2) and sendto(2) are told. It lives until they have returned, since it may hold a directory open.
struct SocketAddress: ~Copyable {
  /// The path, or a NUL and an abstract name.
  let bytes: [UInt8]
  private let directory: FileDescriptor?

  /// Refuses what cannot be an address, before anything is made. open(2) with O_PATH, for a long path alone.
  init(_ address: UnixAddress, for operation: String) throws(SystemError) {
    switch address {
    case .abstract(let name):
      bytes = [0] + (try Self.check(name, of: address, for: operation))
      directory = nil
    case .path(let path) where path.utf8.count <= Int(IPC_PATH_LIMIT):
      try FileAccess.check(path, for: operation)
      bytes = Array(path.utf8)
      directory = nil
    case .path(let path):
      try FileAccess.check(path, for: operation)
      let (parent, name) = Self.split(path)
      let opened = try Self.open(parent, of: path, for: operation)
      bytes = try Self.through(opened, to: name, of: path, for: operation)
      directory = consume opened
    }
  }

  /// Where a process finds its descriptors as files.
  static let descriptors = "/proc/self/fd/"

  private static func check(
    _ name: [UInt8], of address: UnixAddress, for operation: String
  ) throws(SystemError) -> [UInt8] {
    guard !name.isEmpty else { throw SystemError(errno: EINVAL, operation: operation, object: "(empty name)") }
    guard name.count < Int(IPC_ADDRESS_LIMIT) else {
      throw SystemError(errno: ENAMETOOLONG, operation: operation, object: address.description)
    }
    return name
  }

  private static func open(
    _ directory: String, of path: String, for operation: String
  ) throws(SystemError) -> FileDescriptor {
    // The path is a C string for the length of the call.
    let result = unsafe ipc_open_directory(directory)
    guard result >= 0 else { throw SystemError(errno: -result, operation: operation, object: path) }
    return try FileDescriptor(checking: result, "open", at: .here())
  }

  private static func through(
    _ directory: borrowing FileDescriptor, to name: Substring, of path: String, for operation: String
  ) throws(SystemError) -> [UInt8] {
    let bytes = Array("\(descriptors)\(directory.number)/\(name)".utf8)
    guard bytes.count <= Int(IPC_PATH_LIMIT) else {
      throw SystemError(errno: ENAMETOOLONG, operation: operation, object: path)
    }
    return bytes
  }

  /// The directory, and the name in it.
  private static func split(_ path: String) -> (String, Substring) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path[...]) }
    return (String(path[...slash]), path[path.index(after: slash)...])
  }
}

extension UnixAddress {
  /// The address of these bytes, as the shim answers them; nil for those of an unnamed socket, and for a path that leads
  /// through a descriptor, which means something to the process that bound it alone.
  /// - Throws: EILSEQ when it is a path that is not UTF-8.
  init?(of bytes: some Collection<UInt8>, _ operation: String) throws(SystemError) {
    guard let first = bytes.first, !bytes.starts(with: SocketAddress.descriptors.utf8) else { return nil }
    guard first != 0 else {
      self = .abstract(Array(bytes.dropFirst()))
      return
    }
    guard let path = String(validating: bytes, as: UTF8.self) else {
      throw SystemError(errno: EILSEQ, operation: operation)
    }
    self = .path(path)
  }
}

extension FileDescriptor {
  /// bind(2), with this mode, less the umask, for a socket's file.
  borrowing func bind(to address: UnixAddress, mode: UInt32) throws(SystemError) {
    let target = try SocketAddress(address, for: "bind")
    // The shim reads as many bytes as it is told, and keeps no pointer.
    let result = unsafe ipc_bind(number, target.bytes, target.bytes.count, mode)
    _ = try SystemError.check(result, "bind", address.description)
  }

  /// What the shim answers to connect(2).
  borrowing func connect(to target: borrowing SocketAddress) -> CInt {
    // The shim reads as many bytes as it is told, and keeps no pointer.
    unsafe ipc_connect(number, target.bytes, target.bytes.count)
  }

  /// The address that this socket is bound to; nil for one without a name that others can use. getsockname(2).
  /// - Throws: EILSEQ when it is a path that is not UTF-8; ENOTSOCK.
  var socketAddress: UnixAddress? {
    get throws(SystemError) {
      var bytes = [UInt8](repeating: 0, count: Int(IPC_ADDRESS_LIMIT))
      // The shim stores at most as many bytes.
      let length = try SystemError.check(unsafe ipc_socket_address(number, &bytes), "getsockname")
      return try UnixAddress(of: bytes.prefix(Int(length)), "getsockname")
    }
  }
}
