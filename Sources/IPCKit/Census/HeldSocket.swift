// What the kernel tells of a socket to those who do not hold it.

/// A socket that a process holds.
public struct HeldSocket: Hashable, Sendable {
  /// Family and type in lower case: `unix stream`, `unix datagram`, `unix seqpacket`, `tcp`, `tcp6`, `udp`, `udp6`,
  /// `netlink`, `packet`, or what the kernel calls the protocol.
  public let protocolName: String
  /// Its state; nil where the kernel does not tell.
  public let state: State?
  /// What it is bound to: a path, `@` and an abstract name, `127.0.0.1:80`, `[::1]:80`; nil for an unnamed one.
  public let address: String?
  /// What it is connected to, in the same form; nil where there is none, or it has no name.
  public internal(set) var peerAddress: String?
  /// What waits to be read, in bytes; for a listener the connections that wait to be accepted.
  public let receiveQueue: UInt32?
  /// What was written and not yet taken, in bytes of kernel memory; for a listener the most that may wait.
  public let sendQueue: UInt32?
  /// Whether the peer has shut down its sending side, or has gone: reads come to the end of the file.
  public let isShutDownForReading: Bool

  /// The state of a socket: TCP's names, which Unix sockets share as far as they have them.
  public enum State: String, Hashable, Sendable, CaseIterable {
    case connected, connecting, listening, unconnected
    /// TCP: a connection is being opened from the other side.
    case synReceived = "syn-received"
    /// TCP: closed here, not yet there.
    case finWait1 = "fin-wait-1"
    /// TCP: closed here, which the peer knows, and not yet there.
    case finWait2 = "fin-wait-2"
    /// TCP: closed on both sides; what is still under way is waited for.
    case timeWait = "time-wait"
    /// TCP: closed by the peer and not here. A connection that stays so was forgotten.
    case closeWait = "close-wait"
    /// TCP: closed on both sides; the last acknowledgement is missing.
    case lastAck = "last-ack"
    /// TCP: closed on both sides at once.
    case closing
  }
}
