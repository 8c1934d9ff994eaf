// The client's end of a connection that keeps its messages apart.

internal import CIPCShim

/// A connected Unix seqpacket socket.
///
/// ```swift
/// let deadline = Deadline.after(.seconds(5))
/// let socket = try UnixSeqpacket(connectingTo: "/run/example.sock", deadline: deadline)
/// let question = Array("hello".utf8)
/// try socket.descriptor.sendMessage(question.span.bytes, deadline: deadline)
/// var answer = [UInt8](repeating: 0, count: 4096)
/// var span = answer.mutableSpan
/// var room = span.mutableBytes
/// let count = try socket.descriptor.receiveMessage(into: &room, deadline: deadline)
/// ```
@frozen public struct UnixSeqpacket: ~Copyable, Sendable {
  /// The socket; non-blocking.
  public var descriptor: FileDescriptor

  /// Connects to a listener of this type and checks who listens before anything is sent, as
  /// ``UnixStream/init(connectingTo:trusting:deadline:fileID:line:)`` does.
  /// - Parameters:
  ///   - address: where the listener is.
  ///   - policy: who must have called listen(2).
  ///   - deadline: until when it waits.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: the same; EPROTOTYPE when the socket there is of another type.
  public init(
    connectingTo address: UnixAddress, trusting policy: PeerPolicy = .anyone, deadline: Deadline = .never,
    fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(IPCError) {
    descriptor = try FileDescriptor(
      connecting: .seqpacket, to: address, trusting: policy, deadline, at: CallSite(fileID, line))
  }
}
