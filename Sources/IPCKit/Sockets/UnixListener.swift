// The server's socket: bound by us with all that owning a path takes, or inherited and checked.

internal import CIPCShim
internal import Glibc

/// A listening Unix socket, for streams or for seqpacket connections.
///
/// ```swift
/// let listener = try UnixListener(binding: "/run/user/1000/example.sock")
/// let stream = try listener.accept(deadline: .after(.seconds(10)))
/// try listener.close()
/// ```
public struct UnixListener: ~Copyable, Sendable {
  /// The listening socket; non-blocking.
  let descriptor: FileDescriptor
  /// Nil where the socket was inherited: then the path is not ours to remove. Nil for an abstract name too.
  let ownedPath: SocketPath?
  /// What was asked for: the kernel's answer would be another for a long path. Nil where the socket was inherited.
  private let ownAddress: UnixAddress?
  /// Whether it was made here, and not shared: who waits in its backlog when it is closed is turned away.
  let isOnlyOne: Bool
  /// What its connections carry.
  public let type: SocketType

  /// Binds `address` and listens. open(2) and flock(2) of `path.lock`, connect(2), fchmod(2), bind(2), fchownat(2), chmod(2),
  /// listen(2).
  ///
  /// A socket that a dead process left behind is removed first; nothing else ever is. The lock file stays for good. An
  /// abstract name needs neither: it is free as soon as its socket is closed.
  ///
  /// At no moment may anybody connect who may not in the end; nor is this user refused meanwhile, unless by an umask that
  /// takes from the owner, until bind(2) has returned.
  /// - Parameters:
  ///   - address: where clients find it.
  ///   - type: what its connections carry: a stream, or messages. Datagrams have no connections: EOPNOTSUPP.
  ///   - mode: the socket file's, whatever the umask. It does not protect an abstract name.
  ///   - owner: whose user id the file shall have, if not this process's; only root may give it away.
  ///   - group: whose group id it shall have; a group that this process is in, unless it is root's.
  ///   - backlog: how many connections may wait to be accepted; the kernel caps it at net.core.somaxconn.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: EADDRINUSE when another process holds the lock, listens or has the name; ENOTSOCK when something else
  ///   stands there; ENAMETOOLONG; EPERM when the file cannot be given away, EINVAL when there is none to give; whatever
  ///   the calls above report. Nothing is left behind but the lock file.
  public init(
    binding address: UnixAddress, type: SocketType = .stream, mode: UInt32 = 0o600, owner: UInt32? = nil,
    group: UInt32? = nil, backlog: Int32 = 4096, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) {
    let site = CallSite(fileID, line)
    let socket = try FileDescriptor(checking: ipc_unix_socket(type.number, 1), "socket", at: site)
    let access = FileAccess(mode: mode, owner: owner, group: group)
    let owned = try SocketPath.take(address, for: socket, access, at: site)
    do throws(SystemError) {
      _ = try SystemError.check(ipc_listen(socket.number, backlog), "listen", address.description)
    } catch {
      if let owned { try? owned.remove() }
      throw error
    }
    descriptor = socket
    ownedPath = consume owned
    (ownAddress, isOnlyOne) = (address, true)
    self.type = type
  }

  /// Takes over a socket that listens already, such as systemd's; its path is never removed, the socket never shut down.
  ///
  /// It becomes close-on-exec and non-blocking. getsockopt(2), fcntl(2).
  /// - Throws: EINVAL when it is not a listening Unix socket of this type, ENOTSOCK; the descriptor is closed then.
  public init(inheriting socket: consuming FileDescriptor, type: SocketType = .stream) throws(SystemError) {
    let socket = socket
    try socket.adopt(type.number, isListening: true, as: "a listening Unix \(type) socket")
    descriptor = socket
    ownedPath = nil
    (ownAddress, isOnlyOne) = (nil, false)
    self.type = type
  }

  /// A second listener on the same socket, for a server that comes after this one. fcntl(2) with F_DUPFD_CLOEXEC.
  ///
  /// The path stays this one's, if it made it: the second one never removes it.
  /// - Parameters:
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: EMFILE.
  public borrowing func duplicate(
    fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) -> UnixListener {
    UnixListener(sharing: try descriptor.duplicate(fileID: fileID, line: line), at: ownAddress, type)
  }

  private init(sharing socket: consuming FileDescriptor, at address: UnixAddress?, _ type: SocketType) {
    descriptor = socket
    ownedPath = nil
    (ownAddress, isOnlyOne) = (address, false)
    self.type = type
  }

  /// Waits for a connection until the deadline. accept4(2) with SOCK_CLOEXEC and SOCK_NONBLOCK, ppoll(2).
  /// - Parameters:
  ///   - deadline: until when it waits.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: ``IPCError/system(_:)`` with EMFILE when the process may have no more descriptors, ESHUTDOWN when somebody
  ///   who shares the socket has shut it down; ``IPCError/deadlineExceeded(operation:)``.
  public borrowing func accept(
    deadline: Deadline = .never, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(IPCError) -> FileDescriptor {
    let site = CallSite(fileID, line)
    var isShutDown = false
    while true {
      do throws(SystemError) {
        if let connection = try descriptor.acceptPending(at: site) { return connection }
      } catch {
        throw .system(error)
      }
      if isShutDown { throw .system(.shutDown("accept4")) }
      isShutDown = try descriptor.wait(for: IPC_READABLE, "accept", deadline)
    }
  }

  /// Where clients find it: the address that it was bound to. getsockname(2) for an inherited socket, of which it is nil
  /// when it has no name, or one that only the process that bound it could use: a long path's.
  /// - Throws: EILSEQ when it is a path that is not UTF-8.
  public var address: UnixAddress? {
    get throws(SystemError) {
      if let ownAddress { return ownAddress }
      return try descriptor.socketAddress
    }
  }

  /// The path of its ``address``, nil for a socket without one.
  /// - Throws: EILSEQ when the path is not UTF-8.
  public var path: String? {
    get throws(SystemError) {
      guard case .path(let path) = try address else { return nil }
      return path
    }
  }

  /// Stops listening; removes the socket's file if this process made it. close(2), unlink(2).
  ///
  /// A listener that just ends is closed too, but its file stays, and the next one to bind the path sweeps it away.
  public consuming func close() throws(SystemError) {
    // The file goes first: whoever finds it must find a listener behind it.
    if let ownedPath { try ownedPath.remove() }
    try descriptor.close()
  }

  /// The next waiting connection; nil when none waits.
  package borrowing func acceptPending(
    fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) -> FileDescriptor? {
    try descriptor.acceptPending(at: CallSite(fileID, line))
  }
}

extension FileDescriptor {
  /// Makes a socket that was handed over one of this process's own: close-on-exec and non-blocking. getsockopt(2), fcntl(2).
  /// - Throws: EINVAL when it is something else, ENOTSOCK.
  borrowing func adopt(_ type: CInt, isListening: Bool, as what: String) throws(SystemError) {
    var (family, found, listening): (CInt, CInt, CInt) = (0, 0, 0)
    // The shim writes three integers and keeps no pointer.
    let result = unsafe ipc_socket_kind(number, &family, &found, &listening)
    _ = try SystemError.check(result, "getsockopt", "inherited descriptor \(number)")
    guard family == IPC_FAMILY_UNIX, found == type, (listening != 0) == isListening else {
      throw SystemError(errno: EINVAL, operation: "inherit", object: "descriptor \(number) as \(what)")
    }
    try setCloseOnExec(true)
    try setNonBlocking(true)
  }

  /// The next connection that waits on a listening socket; nil when none waits.
  borrowing func acceptPending(at site: CallSite) throws(SystemError) -> FileDescriptor? {
    while true {
      switch ipc_accept(number) {
      case -EAGAIN: return nil
      // The client gave up while it waited in the backlog: that is no failure of ours.
      case -ECONNABORTED: continue
      case let result: return try FileDescriptor(checking: result, "accept4", at: site)
      }
    }
  }
}
