// Two sockets that are connected to each other and have no name.

internal import CIPCShim

/// A connected pair of Unix sockets, close-on-exec; what goes in at one end comes out at the other.
///
/// ```swift
/// let pair = try SocketPair(.seqpacket)
/// let (message, answer) = (Array("ping".utf8), Array("pong".utf8))
/// try pair.left.sendMessage(message.span.bytes)
/// try pair.right.sendMessage(answer.span.bytes)
/// ```
///
/// Frozen, so that both ends can be moved out of it, each to an owner of its own.
@frozen public struct SocketPair: ~Copyable, Sendable {
  /// One end.
  public var left: FileDescriptor
  /// The other, which is no different.
  public var right: FileDescriptor

  /// Makes a pair. socketpair(2) with SOCK_CLOEXEC.
  /// - Parameters:
  ///   - type: what is carried.
  ///   - nonBlocking: whether both ends return EAGAIN instead of waiting.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: EMFILE, ENFILE.
  public init(
    _ type: SocketType = .stream, nonBlocking: Bool = false, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) {
    let site = CallSite(fileID, line)
    var ends: (CInt, CInt) = (-1, -1)
    // The shim fills exactly two integers, which is what the tuple is.
    let result = unsafe withUnsafeMutablePointer(to: &ends) {
      unsafe $0.withMemoryRebound(to: CInt.self, capacity: 2) {
        unsafe ipc_socket_pair(type.number, nonBlocking ? 1 : 0, $0)
      }
    }
    _ = try SystemError.check(result, "socketpair")
    // The kernel just handed both numbers out, to nobody else.
    left = unsafe FileDescriptor(owning: ends.0, at: site)
    right = unsafe FileDescriptor(owning: ends.1, at: site)
  }
}
