// Messages without a connection: each is sent to an address, and comes with its sender's.

internal import CIPCShim
internal import Glibc

/// A Unix datagram socket.
///
/// The kernel keeps messages in order, drops none while their receiver lives, and makes a sender wait whose receiver has
/// too many unread. No connection tells who is at the other end, but each message can: see
/// ``init(binding:mode:owner:group:identifyingSenders:fileID:line:)``.
///
/// ```swift
/// let receiver = try UnixDatagram(binding: "/run/example.sock")
/// let message = Array("hello".utf8)
/// try UnixDatagram().send(message.span.bytes, to: "/run/example.sock")
/// var buffer = [UInt8](repeating: 0, count: 4096)
/// var span = buffer.mutableSpan
/// var room = span.mutableBytes
/// let count = try receiver.receive(into: &room, deadline: .after(.seconds(5))).count
/// try receiver.close()
/// ```
public struct UnixDatagram: ~Copyable, Sendable {
  /// What is known of a message besides its bytes.
  public struct Message: Hashable, Sendable {
    /// How many bytes it has; it may have none.
    public let count: Int
    /// Where it came from, and where an answer can go; nil where the sender has no address, or one that only it could use:
    /// a long path's, or a path that is not UTF-8.
    public let sender: UnixAddress?
    /// Who sent it, where the receiver identifies senders: the real ids, not the effective ones, of the process that sent.
    /// Root may state others.
    public let credentials: PeerCredentials?
  }

  /// The socket; non-blocking.
  public let descriptor: FileDescriptor
  private let ownedPath: SocketPath?
  /// What it was bound to.
  private let ownAddress: UnixAddress?

  /// Makes a socket that is bound to no address. socket(2).
  /// - Parameters:
  ///   - identifyingSenders: as for a bound one. The kernel gives such a socket an abstract address when it first sends or
  ///     connects, so that others can answer.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: EMFILE.
  public init(
    identifyingSenders: Bool = false, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) {
    descriptor = try Self.makeSocket(identifyingSenders, at: CallSite(fileID, line))
    ownedPath = nil
    ownAddress = nil
  }

  /// Binds `address`, where others can send to from now on. Locks, sweeps and protects a path as
  /// ``UnixListener/init(binding:type:mode:owner:group:backlog:fileID:line:)`` does, before the first message can come.
  /// - Parameters:
  ///   - address: where others find it.
  ///   - mode: the socket file's, whatever the umask. It does not protect an abstract name.
  ///   - owner: whose user id the file shall have, if not this process's.
  ///   - group: whose group id it shall have.
  ///   - identifyingSenders: whether each message tells who sent it. setsockopt(2) with SO_PASSCRED.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: the same as a listener.
  public init(
    binding address: UnixAddress, mode: UInt32 = 0o600, owner: UInt32? = nil, group: UInt32? = nil,
    identifyingSenders: Bool = false, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) {
    let site = CallSite(fileID, line)
    let socket = try Self.makeSocket(identifyingSenders, at: site)
    let access = FileAccess(mode: mode, owner: owner, group: group)
    let owned = try SocketPath.take(address, for: socket, access, at: site)
    descriptor = socket
    ownedPath = consume owned
    ownAddress = address
  }

  /// Takes over a socket that was bound already, such as systemd's; its path is never removed. PassCredentials= of its unit
  /// has senders identified.
  ///
  /// It becomes close-on-exec and non-blocking. getsockopt(2), fcntl(2).
  /// - Throws: EINVAL when it is not a Unix datagram socket, ENOTSOCK; the descriptor is closed then.
  public init(inheriting socket: consuming FileDescriptor) throws(SystemError) {
    let socket = socket
    try socket.adopt(IPC_DATAGRAM, isListening: false, as: "a Unix datagram socket")
    descriptor = socket
    ownedPath = nil
    ownAddress = nil
  }

  private static func makeSocket(
    _ identifyingSenders: Bool, at site: CallSite
  ) throws(SystemError) -> FileDescriptor {
    let socket = try FileDescriptor(checking: ipc_unix_socket(IPC_DATAGRAM, 1), "socket", at: site)
    if identifyingSenders {
      _ = try SystemError.check(ipc_set_receives_credentials(socket.number, 1), "setsockopt SO_PASSCRED")
    }
    return socket
  }

  /// Where others can send to; nil for a socket that was not bound. getsockname(2), where the kernel may have given one.
  public var address: UnixAddress? {
    get throws(SystemError) {
      if let ownAddress { return ownAddress }
      return try descriptor.socketAddress
    }
  }

  /// Names the one that ``FileDescriptor/sendMessage(_:deadline:)`` sends to; messages come from nobody else from now on.
  /// connect(2).
  ///
  /// Nothing is known of whoever receives there. Trust the directory of its path, or what it answers.
  /// - Throws: ENOENT, ECONNREFUSED, EACCES; EPROTOTYPE when the socket there is of another type; EPERM when it takes
  ///   messages from another one alone.
  public borrowing func connect(to address: UnixAddress) throws(SystemError) {
    let target = try SocketAddress(address, for: "connect")
    _ = try SystemError.check(descriptor.connect(to: target), "connect", address.description)
  }

  /// Stops receiving; removes the socket's file if this process made it. close(2), unlink(2).
  public consuming func close() throws(SystemError) {
    if let ownedPath { try ownedPath.remove() }
    try descriptor.close()
  }
}

extension UnixDatagram {
  /// Sends one message to an address, waiting while its receiver has too many unread. sendto(2) with MSG_NOSIGNAL and
  /// MSG_DONTWAIT, ppoll(2).
  /// - Throws: ``IPCError/system(_:)`` with ENOENT or ECONNREFUSED when nobody receives there, EACCES, EMSGSIZE, EPERM when
  ///   it takes messages from another one alone; ``IPCError/deadlineExceeded(operation:)``.
  public borrowing func send(
    _ bytes: RawSpan, to address: UnixAddress, deadline: Deadline = .never
  ) throws(IPCError) {
    while true {
      let result: Int64
      do throws(SystemError) {
        let target = try SocketAddress(address, for: "send")
        // The shim reads within the bounds that it is given, and keeps no pointer.
        result = unsafe bytes.withUnsafeBytes {
          unsafe ipc_send_message_to(
            descriptor.number, $0.baseAddress, $0.count, target.bytes, target.bytes.count)
        }
        guard result == -Int64(EAGAIN) else {
          _ = try SystemError.check(result, "send", address.description)
          return
        }
      } catch {
        throw .system(error)
      }
      try waitForRoom(at: address, deadline)
    }
  }

  /// poll(2) of a socket that is not connected tells of its own buffer and knows no receiver. So a second one is connected
  /// to the receiver, and waits for it.
  private borrowing func waitForRoom(at address: UnixAddress, _ deadline: Deadline) throws(IPCError) {
    let probe = try IPCError.wrap { () throws(SystemError) in try UnixDatagram() }
    do throws(SystemError) {
      try probe.connect(to: address)
    } catch  where error.errno == EPERM {
      // It takes messages from us alone: as many as we have room for.
      try descriptor.wait(for: IPC_WRITABLE, "send", deadline)
      return
    } catch {
      throw .system(error)
    }
    try probe.descriptor.wait(for: IPC_WRITABLE, "send", deadline)
    try descriptor.wait(for: IPC_WRITABLE, "send", deadline)
  }

  /// Receives one message, waiting until one has come. recvmsg(2) with MSG_TRUNC and MSG_DONTWAIT, ppoll(2).
  ///
  /// Descriptors that were sent along are closed.
  /// - Returns: how long it is, and who sent it.
  /// - Throws: ``PeerError/messageTooLong(limit:received:)`` when it does not fit into `buffer`: it is lost then, and the
  ///   next one can be received; ``IPCError/system(_:)``, with ESHUTDOWN when somebody who shares the socket has shut it
  ///   down; ``IPCError/deadlineExceeded(operation:)``.
  public borrowing func receive(
    into buffer: inout MutableRawSpan, deadline: Deadline = .never
  ) throws(IPCError) -> Message {
    var sender = ipc_sender()
    var hangups = Hangups()
    while true {
      // The shim writes within the bounds that it is given, fills the structure, and keeps no pointer.
      let result = unsafe buffer.withUnsafeMutableBytes {
        unsafe ipc_receive_message_from(descriptor.number, $0.baseAddress, $0.count, &sender)
      }
      if result == -Int64(EAGAIN) {
        if hangups.areFinal { throw .system(.shutDown("recvmsg")) }
        hangups.note(try descriptor.wait(for: IPC_READABLE, "receive", deadline))
        continue
      }
      let count = try FileDescriptor.length(result, "recvmsg", limit: buffer.byteCount)
      return Message(count, from: sender)
    }
  }
}

extension UnixDatagram.Message {
  fileprivate init(_ count: Int, from sender: ipc_sender) {
    // A C array is a tuple, whose bytes these are.
    let bytes = unsafe withUnsafeBytes(of: sender.address) { unsafe Array($0.prefix(Int(sender.length))) }
    self.count = count
    // Who chose an address that cannot be told must not keep its message from being received.
    self.sender = (try? UnixAddress(of: bytes, "recvmsg")) ?? nil
    credentials =
      sender.is_known == 0
      ? nil : PeerCredentials(userID: sender.uid, groupID: sender.gid, processID: sender.pid)
  }
}
