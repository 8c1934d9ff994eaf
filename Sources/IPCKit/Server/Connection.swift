// One conversation of a server, owned by its handler: when the handler ends, by whatever way, the descriptor is closed.

internal import Glibc

/// An accepted connection.
///
/// It belongs to the event loop that accepted it, which is where its handler runs.
///
/// ```swift
/// @Sendable func echo(_ connection: consuming Connection) async throws {
///   while let line = try await connection.nextLine(as: [UInt8].self) {
///     try await connection.write(line + [UInt8(ascii: "\n")])
///   }
/// }
/// ```
public struct Connection: ~Copyable {
  /// Who connected, by the kernel's word.
  public let peer: PeerCredentials

  private let source: EventSource
  private var buffer: FrameBuffer
  private let limits: ConnectionLimits
  private var sawEnd = false
  /// How many reads and lines there were since this task last let others have their turn.
  private var stepsInARow = 0

  private static let mostStepsInARow = 32

  init(_ descriptor: consuming FileDescriptor, peer: PeerCredentials, limits: ConnectionLimits, on loop: EventLoop)
    throws(SystemError)
  {
    source = try EventSource(descriptor, on: loop)
    buffer = FrameBuffer(limit: limits.frameLength, capacity: 4096)
    self.peer = peer
    self.limits = limits
  }

  /// Whether bytes have come that no line was made of yet.
  public var hasUnreadBytes: Bool { buffer.unreadCount > 0 }

  /// Whether the peer has ended its sending; what came before it may still be unread.
  public var peerHasEnded: Bool { sawEnd }

  /// The next line without its newline; nil when the peer has ended. The last line needs no newline.
  ///
  /// For the first byte it waits until `deadline`; then the line must be complete within the limit that the server sets.
  /// - Throws: ``PeerError/frameTooLong(limit:received:)``, ``IPCError/deadlineExceeded(operation:)``,
  ///   ``IPCError/cancelled``, or ``IPCError/system(_:)`` with ECONNRESET when the peer broke the connection.
  @_lifetime(&self)
  nonisolated(nonsending) public mutating func nextLine(
    deadline: Deadline = .never
  ) async throws(IPCError) -> RawSpan? {
    var limit = deadline
    var hasBegun = false
    try await takeTurns()
    while true {
      if let length = try frameLength() { return buffer.take(length, delimiter: 1) }
      if !hasBegun, hasUnreadBytes {
        hasBegun = true
        limit = min(deadline, .after(limits.frameTime))
      }
      if try await !fill(limit) {
        let rest = buffer.unreadCount
        guard rest > 0 else { return nil }
        return buffer.take(rest)
      }
    }
  }

  /// The next line as bytes to keep; as ``nextLine(deadline:)``.
  nonisolated(nonsending) public mutating func nextLine(
    as: [UInt8].Type, deadline: Deadline = .never
  ) async throws(IPCError) -> [UInt8]? {
    guard let line = try await nextLine(deadline: deadline) else { return nil }
    // The view is valid here, and the array copies it.
    return unsafe line.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  /// Sends all of `bytes`: at once as far as they fit, then whenever the peer has made room.
  /// - Throws: ``IPCError/deadlineExceeded(operation:)`` when the peer reads nothing for as long as the server allows;
  ///   ``IPCError/system(_:)`` with EPIPE or ECONNRESET when it has gone; ``IPCError/cancelled``.
  nonisolated(nonsending) public func write(_ bytes: [UInt8]) async throws(IPCError) {
    var sent = 0
    while sent < bytes.count {
      do throws(SystemError) {
        // Bytes seen as raw bytes: nothing is reinterpreted.
        sent += try unsafe source.descriptor.write(bytes.span.bytes.extracting(droppingFirst: sent))
      } catch  where error.errno == EAGAIN {
        try await source.writable(deadline: .after(limits.stallTime))
      } catch {
        throw .system(error)
      }
    }
  }

  /// Runs `body` until it ends or the peer hangs up, which cancels it.
  /// - Returns: what `body` returned, nil when the peer hung up first.
  nonisolated(nonsending) public func untilHangup<Success: Sendable>(
    _ body: @escaping @Sendable () async -> Success
  ) async -> Success? {
    await source.untilHangup(body)
  }

  /// Ends the conversation so that the peer reads what was written last: shuts sending down, drains what still comes, up
  /// to 16 MiB and the deadline, and closes. Closing with unread input would give the peer ECONNRESET instead of our reply.
  nonisolated(nonsending) public consuming func finish(deadline: Deadline) async {
    do throws(IPCError) {
      try IPCError.wrap { () throws(SystemError) in try source.descriptor.shutdownSending() }
      var drained = buffer.drop()
      while drained < 1 << 24, try await fill(deadline) { drained += buffer.drop() }
    } catch {
      // The peer has gone, or will not end: what it reads now is up to it.
    }
  }

  private mutating func frameLength() throws(IPCError) -> Int? {
    do throws(PeerError) {
      return try buffer.frameLength(endingWith: UInt8(ascii: "\n"))
    } catch {
      throw .peer(error)
    }
  }

  /// Reads once; false at the end of the stream.
  nonisolated(nonsending) private mutating func fill(_ deadline: Deadline) async throws(IPCError) -> Bool {
    try await takeTurns()
    while !sawEnd {
      do throws(SystemError) {
        let got = try buffer.fill { (room) throws(SystemError) in try source.descriptor.read(into: &room) }
        sawEnd = got == 0
        return got > 0
      } catch  where error.errno == EAGAIN {
        stepsInARow = 0
        try await source.readable(deadline: deadline)
      } catch {
        throw .system(error)
      }
    }
    return false
  }
}

extension Connection {
  /// A peer who sends as fast as we read would never make us wait: nobody else would be served, and no cancellation seen.
  nonisolated(nonsending) private mutating func takeTurns() async throws(IPCError) {
    stepsInARow += 1
    guard stepsInARow >= Self.mostStepsInARow else { return }
    stepsInARow = 0
    await Task.yield()
    if Task.isCancelled { throw .cancelled }
  }
}

/// What a server allows a connection.
public struct ConnectionLimits: Sendable {
  /// The longest frame in bytes; 1 MiB.
  public var frameLength = 1 << 20
  /// How long a frame may take from its first byte to its last; 30 s.
  public var frameTime = Duration.seconds(30)
  /// How long a write may wait without any progress; 30 s.
  public var stallTime = Duration.seconds(30)

  /// The defaults.
  public init() {}
}
