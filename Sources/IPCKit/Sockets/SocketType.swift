// The three kinds of Unix socket.

internal import CIPCShim

/// How a Unix socket carries bytes.
@frozen public enum SocketType: Sendable, Hashable, CaseIterable {
  /// A connection whose bytes have no bounds but their order. SOCK_STREAM.
  case stream
  /// Messages without a connection, each whole and in order. SOCK_DGRAM.
  case datagram
  /// A connection that carries messages, each whole. SOCK_SEQPACKET.
  case seqpacket

  /// The kernel's number.
  var number: CInt {
    switch self {
    case .stream: IPC_STREAM
    case .datagram: IPC_DATAGRAM
    case .seqpacket: IPC_SEQPACKET
    }
  }
}
