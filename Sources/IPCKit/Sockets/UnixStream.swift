// The client's end of a connection.

internal import CIPCShim

/// A connected Unix stream socket.
///
/// ```swift
/// let deadline = Deadline.after(.seconds(5))
/// let stream = try UnixStream(connectingTo: "/run/example.sock", deadline: deadline)
/// try stream.descriptor.writeAll("hello\n", deadline: deadline)
/// var reader = BufferedReader(stream.descriptor)
/// let answer = try reader.nextLine(as: String.self, deadline: deadline)
/// ```
@frozen public struct UnixStream: ~Copyable, Sendable {
  /// The socket; non-blocking, so that every deadline is kept.
  public var descriptor: FileDescriptor

  /// Connects to a listener and checks who listens before anything is sent. socket(2), connect(2), getsockopt(2).
  ///
  /// A full backlog is waited out until the deadline: by a blocking connect under SO_SNDTIMEO, because poll(2) claims that
  /// such a socket is ready and hung up at once.
  /// - Parameters:
  ///   - address: where the listener is.
  ///   - policy: who must have called listen(2), which under socket activation is systemd: see ``Peer``.
  ///   - deadline: until when it waits for a place in the backlog.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: ``IPCError/system(_:)`` with ENOENT or ECONNREFUSED when nobody listens, EACCES; ``PeerError/notAllowed(_:)``;
  ///   ``IPCError/deadlineExceeded(operation:)``.
  public init(
    connectingTo address: UnixAddress, trusting policy: PeerPolicy = .anyone, deadline: Deadline = .never,
    fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(IPCError) {
    descriptor = try FileDescriptor(
      connecting: .stream, to: address, trusting: policy, deadline, at: CallSite(fileID, line))
  }
}

extension FileDescriptor {
  /// Ends the sending direction of a connected socket: the peer reads the end of the file. shutdown(2) with SHUT_WR.
  /// - Throws: ENOTCONN when the peer has gone already, ENOTSOCK.
  public borrowing func shutdownSending() throws(SystemError) {
    _ = try SystemError.check(ipc_shutdown_sending(number), "shutdown")
  }
}
