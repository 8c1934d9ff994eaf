// Messages over a connected socket that keeps their bounds, and how much of them the kernel keeps.

internal import CIPCShim
internal import Glibc

extension FileDescriptor {
  /// Sends one message over a connected seqpacket or datagram socket, waiting while the peer has no room for it. send(2)
  /// with MSG_NOSIGNAL and MSG_DONTWAIT, ppoll(2).
  ///
  /// It arrives whole or not at all. The deadline is kept on a blocking socket too. A message may be empty; on a seqpacket
  /// socket the peer takes an empty one for the end.
  /// - Throws: ``IPCError/system(_:)`` with EMSGSIZE when it has more bytes than ``sendBufferSize`` allows, EPIPE or
  ///   ECONNREFUSED when the peer is gone, ENOTCONN; ``IPCError/deadlineExceeded(operation:)``.
  public borrowing func sendMessage(_ bytes: RawSpan, deadline: Deadline = .never) throws(IPCError) {
    while true {
      // The shim reads within the bounds that it is given, and keeps no pointer.
      let result = unsafe bytes.withUnsafeBytes { unsafe ipc_send_message(number, $0.baseAddress, $0.count) }
      guard result == -Int64(EAGAIN) else {
        _ = try IPCError.wrap { () throws(SystemError) in try SystemError.check(result, "send") }
        return
      }
      try wait(for: IPC_WRITABLE, "send", deadline)
    }
  }

  /// Receives one message from a seqpacket or datagram socket, waiting until one has come. recv(2) with MSG_TRUNC and
  /// MSG_DONTWAIT, ppoll(2).
  ///
  /// The deadline is kept on a blocking socket too. Descriptors that were sent along are closed.
  /// - Returns: how many bytes the message has. 0 from a seqpacket socket is the end; a datagram may be empty.
  /// - Throws: ``PeerError/messageTooLong(limit:received:)`` when it does not fit into `buffer`: it is lost then, and the
  ///   next one can be received; ``IPCError/system(_:)``, with ESHUTDOWN for a datagram socket that was shut down;
  ///   ``IPCError/deadlineExceeded(operation:)``.
  public borrowing func receiveMessage(
    into buffer: inout MutableRawSpan, deadline: Deadline = .never
  ) throws(IPCError) -> Int {
    var isShutDown = false
    while true {
      // The shim writes within the bounds that it is given, and keeps no pointer.
      let result = unsafe buffer.withUnsafeMutableBytes {
        unsafe ipc_receive_message(number, $0.baseAddress, $0.count)
      }
      guard result == -Int64(EAGAIN) else { return try Self.length(result, "recv", limit: buffer.byteCount) }
      if isShutDown { throw .system(.shutDown("recv")) }
      isShutDown = try wait(for: IPC_READABLE, "receive", deadline)
    }
  }

  /// The length of a message that fits.
  static func length(_ result: Int64, _ operation: StaticString, limit: Int) throws(IPCError) -> Int {
    let length = Int(try IPCError.wrap { () throws(SystemError) in try SystemError.check(result, operation) })
    guard length <= limit else { throw .peer(.messageTooLong(limit: limit, received: length)) }
    return length
  }
}

extension FileDescriptor {
  /// How many bytes of what was sent and not yet received the kernel keeps for this socket, its own bookkeeping included:
  /// what a Unix socket's peer has not read counts here, at the sender. getsockopt(2) with SO_SNDBUF.
  /// - Throws: ENOTSOCK.
  public var sendBufferSize: Int {
    get throws(SystemError) { Int(try SystemError.check(ipc_buffer_size(number, 1), "getsockopt SO_SNDBUF")) }
  }

  /// Asks for another size. setsockopt(2) with SO_SNDBUF.
  ///
  /// The kernel doubles it, for its bookkeeping, and silently takes at most twice net.core.wmem_max and at least 4,608
  /// bytes: ``sendBufferSize`` tells what came of it.
  /// - Throws: ENOTSOCK.
  public borrowing func setSendBufferSize(_ bytes: Int) throws(SystemError) {
    _ = try SystemError.check(ipc_set_buffer_size(number, 1, CInt(clamping: bytes)), "setsockopt SO_SNDBUF")
  }

  /// How many bytes the kernel would keep for the receiver. Unix sockets do not look at it. getsockopt(2) with SO_RCVBUF.
  /// - Throws: ENOTSOCK.
  public var receiveBufferSize: Int {
    get throws(SystemError) { Int(try SystemError.check(ipc_buffer_size(number, 0), "getsockopt SO_RCVBUF")) }
  }

  /// Asks for another size, which the kernel doubles, and caps at twice net.core.rmem_max. setsockopt(2) with SO_RCVBUF.
  /// - Throws: ENOTSOCK.
  public borrowing func setReceiveBufferSize(_ bytes: Int) throws(SystemError) {
    _ = try SystemError.check(ipc_set_buffer_size(number, 0, CInt(clamping: bytes)), "setsockopt SO_RCVBUF")
  }
}
