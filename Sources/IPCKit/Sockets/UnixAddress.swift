// Where a Unix socket is, as a program writes it and as the kernel takes it.

internal import CIPCShim
internal import Glibc

/// The address of a Unix socket: a path, or a name that only the kernel knows.
///
/// Any value can be made. Whether it can be an address is checked where it is used, before anything else happens.
///
/// ```swift
/// let listener = try UnixListener(binding: "/run/user/1000/example.sock")
/// let nameless = try UnixListener(binding: .abstract("example"))
/// let chosen = UnixAddress.path(CommandLine.arguments[1])
/// ```
public enum UnixAddress: Hashable, Sendable {
  /// A file's path, from the working directory unless it begins with `/`: at most 107 bytes.
  case path(String)
  /// An abstract name: 1 to 107 bytes, whichever they are.
  ///
  /// It has no file: it ends with its socket, and no file mode protects it. Whoever is in the same network namespace may
  /// connect, or may have bound the name before you: a ``PeerPolicy`` is all that tells friends from strangers.
  case abstract([UInt8])

  /// An abstract name whose bytes are those of `name` in UTF-8.
  public static func abstract(_ name: String) -> UnixAddress { .abstract(Array(name.utf8)) }
}

extension UnixAddress: ExpressibleByStringLiteral {
  /// A path.
  public init(stringLiteral path: String) { self = .path(path) }
}

extension UnixAddress: CustomStringConvertible {
  /// The path; an abstract name behind an `@`, which also stands for each NUL in it, as in /proc/net/unix.
  public var description: String {
    switch self {
    case .path(let path): path
    case .abstract(let name): "@" + String(decoding: name.map { $0 == 0 ? UInt8(ascii: "@") : $0 }, as: UTF8.self)
    }
  }
}

extension UnixAddress {
  /// The bytes that the shim takes: a path, or a NUL and a name. Refuses what cannot be an address.
  func bytes(for operation: String) throws(SystemError) -> [UInt8] {
    switch self {
    case .path(let path):
      let path = try Self.check(path, for: operation)
      return Array(path.utf8)
    case .abstract(let name):
      guard !name.isEmpty else { throw SystemError(errno: EINVAL, operation: operation, object: "(empty name)") }
      guard name.count < Int(IPC_ADDRESS_LIMIT) else {
        throw SystemError(errno: ENAMETOOLONG, operation: operation, object: description)
      }
      return [0] + name
    }
  }

  private static func check(_ path: String, for operation: String) throws(SystemError) -> String {
    guard !path.isEmpty else { throw SystemError(errno: ENOENT, operation: operation, object: "(empty path)") }
    guard !path.utf8.contains(0) else {
      throw SystemError(errno: EINVAL, operation: operation, object: "(path with NUL)")
    }
    guard path.utf8.count <= Int(IPC_PATH_LIMIT) else {
      throw SystemError(errno: ENAMETOOLONG, operation: operation, object: path)
    }
    return path
  }

  /// The address of these bytes, as the shim answers them; nil for those of an unnamed socket.
  /// - Throws: EILSEQ when it is a path that is not UTF-8.
  init?(of bytes: some Collection<UInt8>, _ operation: String) throws(SystemError) {
    guard let first = bytes.first else { return nil }
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
    let bytes = try address.bytes(for: "bind")
    // The shim reads as many bytes as it is told, and keeps no pointer.
    _ = try SystemError.check(unsafe ipc_bind(number, bytes, bytes.count, mode), "bind", address.description)
  }

  /// What the shim answers to connect(2).
  borrowing func connect(to address: [UInt8]) -> CInt {
    // The shim reads as many bytes as it is told, and keeps no pointer.
    unsafe ipc_connect(number, address, address.count)
  }

  /// The address that this socket is bound to; nil for an unnamed one. getsockname(2).
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
