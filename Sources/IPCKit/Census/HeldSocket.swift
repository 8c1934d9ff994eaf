// What the kernel tells of a socket to those who do not hold it.

/// A socket that a process holds.
public struct HeldSocket: Hashable, Sendable {
  /// Family and type in lower case: `unix stream`, `unix datagram`, `unix seqpacket`, `tcp`, `tcp6`, `udp`, `udp6`,
  /// `netlink`, `packet`, or what the kernel calls the protocol.
  public let protocolName: String
  /// Its state; nil where the kernel does not tell: of what is in no list of the process's network namespace, because it is
  /// neither bound nor connected, or of another namespace.
  public let state: State?
  /// What it is bound to: a path, `@` and an abstract name, `127.0.0.1:80`, `[::1]:80`; nil for an unnamed one.
  public let address: String?
  /// What it is connected to, in the same form; nil where there is none, or it has no name.
  public internal(set) var peerAddress: String?
  /// What waits to be read, in bytes, and of a Unix datagram socket the next message's; for a listener the connections that
  /// wait to be accepted.
  public let receiveQueue: UInt32?
  /// What was written and not yet taken, in bytes of kernel memory; for a Unix listener the most that may wait.
  public let sendQueue: UInt32?
  /// Whether the peer has shut down its sending side, or has gone: reads come to the end of the file.
  public let isShutDownForReading: Bool

  /// A socket of which nothing but its protocol is known.
  init(
    protocolName: String = "unknown", state: State? = nil, address: String? = nil, peerAddress: String? = nil,
    receiveQueue: UInt32? = nil, sendQueue: UInt32? = nil, isShutDownForReading: Bool = false
  ) {
    self.protocolName = protocolName
    self.state = state
    self.address = address
    self.peerAddress = peerAddress
    self.receiveQueue = receiveQueue
    self.sendQueue = sendQueue
    self.isShutDownForReading = isShutDownForReading
  }

  /// The state of a socket: TCP's names, which Unix sockets share as far as they have them.
  public enum State: String, Hashable, Sendable, CaseIterable {
    /// What sockets of all families can be; a TCP socket that is closed counts as unconnected.
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
