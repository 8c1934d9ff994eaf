// Owning a socket's path: who may bind it, when an old socket may be swept away, and who removes it in the end.
//
// A lock file beside the socket decides who owns the path; it is never unlinked, so that two processes never hold two
// different files of that name. A refused connection proves that nobody listens: a socket that systemd made has no lock,
// and must not be swept away. The lock excludes the one case where a refusal proves nothing, our own socket between bind
// and listen.

internal import CIPCShim
internal import Glibc

/// A path that this process bound a socket to, and the lock that makes it the only one to do so.
struct SocketPath: ~Copyable, Sendable {
  let path: String
  private let lock: FileDescriptor
  private let device: UInt64
  private let inode: UInt64

  /// Takes the address for `socket`; nil for an abstract name, which the kernel alone gives and takes.
  static func take(
    _ address: UnixAddress, for socket: borrowing FileDescriptor, _ access: FileAccess, at site: CallSite
  ) throws(SystemError) -> SocketPath? {
    switch address {
    case .path(let path): return try SocketPath(binding: socket, to: path, access, at: site)
    case .abstract:
      // Nobody shall believe that it belongs to somebody.
      guard !access.changesHands else {
        throw SystemError(errno: EINVAL, operation: "chown", object: address.description)
      }
      try socket.bind(to: address, mode: access.firstMode)
      return nil
    }
  }

  /// Takes the path for `socket`: lock, sweep, fchmod(2), bind(2), and the rest of who may connect.
  init(
    binding socket: borrowing FileDescriptor, to path: String, _ access: FileAccess, at site: CallSite
  ) throws(SystemError) {
    // What cannot be an address is refused before there is a lock.
    _ = try SocketAddress(.path(path), for: "bind")
    let lock = try Self.takeLock(path + ".lock", at: site)
    try Self.sweepStale(path)
    try socket.bind(to: .path(path), mode: access.firstMode)
    let made = try access.finish(path, type: S_IFSOCK, madeBy: "bind")
    self.path = path
    self.lock = lock
    device = made.device
    inode = made.inode
  }

  /// Removes the socket's file if it is still ours, then gives the lock up.
  consuming func remove() throws(SystemError) {
    if let found = try? FileAccess.status(of: path), found.device == device, found.inode == inode {
      // The path is a C string for the length of the call, here and below.
      _ = try SystemError.check(unsafe ipc_unlink(path), "unlink", path)
    }
    // Closing alone would leave the lock to a child that is about to execute its program.
    _ = try SystemError.check(ipc_unlock(lock.number), "flock", path + ".lock")
    try lock.close()
  }

  private static func takeLock(_ path: String, at site: CallSite) throws(SystemError) -> FileDescriptor {
    for _ in 0..<mostReplacements {
      let file = try FileDescriptor(checking: unsafe ipc_open_lock_file(path), "open", path, at: site)
      let result = ipc_lock(file.number)
      if result == -EWOULDBLOCK { throw SystemError(errno: EADDRINUSE, operation: "lock", object: path) }
      _ = try SystemError.check(result, "flock", path)
      var held = ipc_file_status()
      _ = try SystemError.check(unsafe ipc_status(file.number, &held), "fstat", path)
      // An umask that takes it from its owner would lock this user's next process out for good.
      if held.mode & 0o600 != 0o600, held.owner == geteuid() { fchmod(file.number, 0o600) }
      // Somebody may have replaced or removed the file between open and lock: then ours locks nothing.
      do throws(SystemError) {
        let found = try FileAccess.status(of: path)
        if found.device == held.device, found.inode == held.inode { return file }
      } catch  where error.errno == ENOENT {
        continue
      }
    }
    throw SystemError(errno: ESTALE, operation: "lock", object: path)
  }

  /// How often the lock may turn out to be another file than the one that was opened: for somebody who replaces it that
  /// fast there is no end, nor on a file system that gives a file two numbers.
  private static let mostReplacements = 100

  /// Removes a socket that nobody listens on; refuses to touch anything else.
  private static func sweepStale(_ path: String) throws(SystemError) {
    let found: ipc_file_status
    do throws(SystemError) {
      found = try FileAccess.status(of: path)
    } catch  where error.errno == ENOENT {
      return
    }
    guard found.mode & S_IFMT == S_IFSOCK else {
      throw SystemError(errno: ENOTSOCK, operation: "bind", object: path)
    }
    let probe = try FileDescriptor(checking: ipc_unix_socket(IPC_STREAM, 1), "socket", at: .here())
    switch probe.connect(to: try SocketAddress(.path(path), for: "connect")) {
    case -ECONNREFUSED: _ = try SystemError.check(unsafe ipc_unlink(path), "unlink", path)
    case -ENOENT: return
    case 0, -EAGAIN, -EPROTOTYPE: throw SystemError(errno: EADDRINUSE, operation: "bind", object: path)
    case let failed: throw SystemError(errno: -failed, operation: "connect", object: path)
    }
  }
}
