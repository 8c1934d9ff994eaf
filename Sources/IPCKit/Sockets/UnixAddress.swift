// Where a Unix socket is, as a program writes it and as the kernel takes it.

/// The address of a Unix socket: a path, or a name that only the kernel knows.
///
/// Any value can be made. Whether it can be an address is checked where it is used, before anything else happens.
///
/// ```swift
/// let listener = try UnixListener(binding: "/run/user/1000/example.sock")
/// let nameless = try UnixListener(binding: .abstract("example"))
/// let chosen = UnixAddress.path(CommandLine.arguments[1])
/// ```
@frozen public enum UnixAddress: Hashable, Sendable {
  /// A file's path, from the working directory unless it begins with `/`.
  ///
  /// The kernel's addresses have room for 107 bytes. A longer path is reached through a descriptor of its directory and
  /// /proc/self/fd, as long as its last component has at most 85 bytes; up to 91 where few descriptors are open.
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
