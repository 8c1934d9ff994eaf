// Frames out of a connection: at once when they have come, else after a wait that ends with the peer's bytes, a deadline or
// the server's end.

internal import CIPCShim
internal import Glibc

extension Connection {
  /// How many frames and reads a handler has in a row: a peer who sends as fast as we read would never make it wait, and
  /// nobody else would be served.
  private static let mostSteps: UInt8 = 64

  /// The next line without its newline; nil when the peer has ended. The last line needs no newline.
  ///
  /// It is a view of the connection's own memory, valid until the next read. For the first byte it waits until `deadline`;
  /// then the line must be complete within the limit that the server sets. read(2).
  /// - Throws: ``PeerError/frameTooLong(limit:received:)``, ``IPCError/deadlineExceeded(operation:)``,
  ///   ``IPCError/cancelled``, or ``IPCError/system(_:)`` with ECONNRESET when the peer broke the connection.
  @_lifetime(&self)
  nonisolated(nonsending) public mutating func nextLine(
    deadline: Deadline = .never
  ) async throws(IPCError) -> RawSpan? {
    try await nextFrame(.line, deadline: deadline)
  }

  /// The next frame, as the server's framing has it; as ``nextLine(deadline:)`` otherwise.
  @_lifetime(&self)
  nonisolated(nonsending) public mutating func nextFrame(
    deadline: Deadline = .never
  ) async throws(IPCError) -> RawSpan? {
    try await nextFrame(reference.server.framing, deadline: deadline)
  }

  /// The next line as bytes to keep; as ``nextLine(deadline:)``.
  nonisolated(nonsending) public mutating func nextLine(
    as: [UInt8].Type, deadline: Deadline = .never
  ) async throws(IPCError) -> [UInt8]? {
    guard let line = try await nextFrame(.line, deadline: deadline) else { return nil }
    return line.copy
  }

  /// The next frame of a framing of its own: for protocols that change it on the way; as ``nextLine(deadline:)``.
  /// - Throws: ``PeerError/frameCutOff(expected:received:)`` when the peer ends before the length that it has promised.
  @_lifetime(&self)
  @inline(__always)
  nonisolated(nonsending) public mutating func nextFrame(
    _ framing: Framing, deadline: Deadline = .never
  ) async throws(IPCError) -> RawSpan? {
    let (reference, server) = (reference, reference.server)
    while true {
      switch try server.step(reference, framing) {
      case .frame(let frame):
        let view = unsafe RawSpan(_unsafeBytes: reference.record.input.viewUnsafe(frame))
        reference.record.input.skip(frame)
        // It shows the connection's memory, which changes only when the connection is read from again.
        return unsafe _overrideLifetime(view, mutating: &self)
      case .end: return nil
      case .turn:
        await Task.yield()
        if server.state.phase == .cancelled { throw .cancelled }
      case .wait:
        let limit = server.waitLimit(reference, deadline)
        server.core.slots.reserve(reference.record.slot, .read, until: limit)
        try server.waited(reference, await server.loop.park(reference.record.slot, .read))
      }
    }
  }

  /// Sees to it that others have their turn now and then; for a handler that computes.
  static func isDue(_ reference: ConnectionReference) -> Bool {
    reference.record.steps += 1
    guard reference.record.steps >= mostSteps else { return false }
    reference.record.steps = 0
    return true
  }
}

extension ServerCore {
  /// What comes next for a handler that reads.
  enum Step {
    case frame(FrameExtent)
    case end
    /// Others are to have their turn.
    case turn
    /// Nothing has come: the connection is ready to be waited for.
    case wait
  }

  /// Finds the next frame, reading as far as there is something.
  @inline(__always)
  func step(_ connection: ConnectionReference, _ framing: Framing) throws(IPCError) -> Step {
    if state.phase == .cancelled { throw .cancelled }
    if Connection.isDue(connection) { return .turn }
    while true {
      if let frame = try frame(connection, framing) { return .frame(frame) }
      if connection.record.sawEnd { return try last(connection, framing) }
      if connection.record.mayRead {
        switch readInput(connection, framing) {
        case .bytes, .nothing, .end: continue
        case .failed: throw readFailure(connection)
        }
      }
      // Between frames, a server that ends has nothing more to hear.
      if state.phase == .draining, connection.record.input.unreadCount == 0 { return .end }
      try prepareWait(connection)
      return .wait
    }
  }

  @inline(__always)
  private func frame(_ connection: ConnectionReference, _ framing: Framing) throws(IPCError) -> FrameExtent? {
    do throws(PeerError) {
      guard let frame = try connection.record.input.nextFrame(framing, limit: limits.frameLength) else { return nil }
      connection.record.frameStart = 0
      counters.add(.frames)
      return frame
    } catch {
      throw .peer(error)
    }
  }

  private func last(_ connection: ConnectionReference, _ framing: Framing) throws(IPCError) -> Step {
    do throws(PeerError) {
      guard let rest = try connection.record.input.lastFrame(framing) else { return .end }
      counters.add(.frames)
      return .frame(rest)
    } catch {
      throw .peer(error)
    }
  }

  /// Before a handler waits for input: what it wrote is sent, its memory goes back, and it is watched.
  @inline(__always)
  private func prepareWait(_ connection: ConnectionReference) throws(IPCError) {
    connection.record.steps = 0
    if !connection.record.output.isEmpty { _ = flush(connection) }
    connection.record.input.settle(into: &loop.core.buffers)
    connection.record.output.settle(into: &loop.core.buffers)
    try IPCError.wrap { () throws(SystemError) in try register(connection) }
    if connection.record.input.unreadCount > 0 { noteFrameStart(connection) }
  }

  /// By when the wait must have ended.
  func waitLimit(_ connection: ConnectionReference, _ deadline: Deadline) -> Deadline {
    if connection.record.input.unreadCount > 0 { return min(deadline, frameDeadline(connection)) }
    return limitsSilence ? min(deadline, silenceDeadline(connection)) : deadline
  }

  /// After a wait: why it ended, as an error.
  func waited(_ connection: ConnectionReference, _ reason: Wake) throws(IPCError) {
    switch reason {
    case .ready: return
    case .cancelled: throw .cancelled
    case .deadline:
      // A stalled peer was counted when it stalled.
      if connection.record.isStalled { throw .deadlineExceeded(operation: "write") }
      counters.add(.deadlines)
      throw .deadlineExceeded(operation: "read")
    }
  }
}
