// What a server allows: on by default, because the peer that needs a limit is the one nobody has thought of.

/// The limits of a server and of each of its connections.
///
/// ```swift
/// var limits = ServerLimits()
/// limits.frameLength = 64 << 10
/// limits.idleTime = .seconds(60)
/// ```
public struct ServerLimits: Sendable {
  /// The longest frame in bytes; 1 MiB.
  public var frameLength = 1 << 20
  /// How long a frame may take from its first byte to its last; 30 s.
  public var frameTime = Duration.seconds(30)
  /// How long output may wait for a peer that takes none of it; 30 s.
  public var stallTime = Duration.seconds(30)
  /// How much output may wait for a peer that does not read, in bytes; 4 MiB. No more frames of its are answered before
  /// it has read; one that asks for more than this at once is cut off.
  public var unreadOutput = 4 << 20
  /// How long a connection may take to its first byte; nil, for ever.
  public var firstByteTime: Duration?
  /// How long a connection may be silent between frames; nil, for ever.
  public var idleTime: Duration?
  /// How many descriptors a peer may send with a frame, at most 253, for ``Connection/takeDescriptors()``; 0. A reply handler
  /// takes none: what came with a frame that it answers is closed, with one that it hands over it goes along.
  ///
  /// A server that takes none has the kernel refuse them, with EPERM for the peer, from Linux 6.16 on. Before, and for who
  /// connected before the server began, they are let go of, and frames sent behind them may wait for the next.
  ///
  /// Closing what a peer has sent may block for as long as it likes: a TCP socket that lingers, a file whose file system
  /// does not answer. What is not taken is closed on the loop.
  public var descriptorsPerFrame = 0
  /// How many connections there may be; nil, three quarters of this process's descriptor limit.
  public var connections: Int?
  /// How many of them one user may have; nil, half of them. `.max` saves asking who connects, where everyone is let in.
  public var connectionsPerUser: Int?
  /// How long handlers may go on after the server's task was cancelled, before they are cancelled too; none.
  public var drainTime = Duration.zero
  /// How long a connection that has said nothing yet may take to do so when the server stops listening; 100 ms. Who has just
  /// connected is about to speak, and is served.
  public var lastWordTime = Duration.milliseconds(100)
  /// How long there may be no connection before ``Server/run(startingAt:_:)`` returns; nil, for ever. For activated
  /// services: a client that comes meanwhile is served, by this process or by the next one.
  public var idleExit: Duration?

  /// The defaults.
  public init() {}
}
