// Bytes in: what an async handler reads, as far as it comes without waiting, and what must be so before a wait.

internal import CIPCShim
internal import Glibc

extension ConnectionReference {
  /// The next frame, if it has come; read on if not. Nil also when others are to have their turn.
  ///
  /// What it shows is valid until the connection is read from again.
  @usableFromInline
  @unsafe func received(_ framing: Framing) throws(IPCError) -> UnsafeRawBufferPointer? {
    record.steps &+= 1
    guard record.steps < Connection.mostSteps else { return nil }
    if record.input.unreadCount > 0, let frame = try nextFrame(framing) { return unsafe try take(frame) }
    guard let frame = try readFrame(framing) else { return nil }
    return unsafe try take(frame)
  }

  @inline(__always)
  @unsafe private func take(_ frame: FrameExtent) throws(IPCError) -> UnsafeRawBufferPointer {
    if state.takesDescriptors { try noteFrame(of: frame.total) }
    let view = unsafe record.input.viewUnsafe(frame)
    record.input.skip(frame)
    record.frameStart = 0
    state.counts.add(.frames)
    return unsafe view
  }

  /// What came with a frame that is about to be taken is its own from now on.
  @inline(never)
  private func noteFrame(of count: Int) throws(IPCError) {
    try record.descriptors?.checkFrame(of: count)
    record.descriptors?.tookFrame(of: count)
  }

  /// Whether there is no next frame to wait for: the peer has ended, or the server does, between frames.
  @usableFromInline var hasEnded: Bool {
    guard record.input.unreadCount == 0 else { return false }
    return record.sawEnd || state.phase == .draining && !record.mayRead
  }

  /// Whether others are to have their turn.
  @usableFromInline var isDue: Bool { record.steps >= Connection.mostSteps }

  /// Before a handler waits for input: what it wrote is sent, its memory goes back, and it is watched.
  /// - Returns: where its task is to change to, right away.
  @usableFromInline
  func placeToWait(_ deadline: Deadline) throws(IPCError) -> ParkingPlace {
    if state.phase == .cancelled { throw .cancelled }
    record.steps = 0
    if state.takesDescriptors { record.descriptors?.closeTaken() }
    if !record.output.isEmpty { _ = flush() }
    record.input.settle(into: &core.buffers)
    record.output.settle(into: &core.buffers)
    try IPCError.wrap { () throws(SystemError) in try register() }
    core.slots.reserve(record.slot, .read, until: limit(deadline))
    return core.parkingPlace(for: record.slot, .read)
  }

  /// By when the wait must have ended.
  @inline(__always)
  private func limit(_ deadline: Deadline) -> Deadline {
    if record.input.unreadCount > 0 {
      noteFrameStart()
      return min(deadline, frameDeadline())
    }
    return state.limitsSilence ? min(deadline, silenceDeadline()) : deadline
  }

  /// Before a wait for something to read, instead of a read: whether an event will tell of it.
  func hasNothingToRead() -> Bool {
    // A server that is about to end has told those who waited; who comes later is not told again.
    guard record.input.unreadCount == 0, !record.sawEnd, state.phase != .draining else { return false }
    guard (try? register()) != nil else { return false }
    // Not known, before the first read or after one that may have left more. What comes from now on makes an event.
    if record.mayRead { record.mayRead = ipc_poll(record.descriptor.number, IPC_READABLE, 0) != 0 }
    return !record.mayRead
  }

  /// After a wait: why it ended, as an error.
  @usableFromInline
  func concludeWait() throws(IPCError) {
    switch core.slots.conclude(record.slot, .read) {
    case .ready: return
    case .cancelled: throw .cancelled
    case .deadline:
      // A stalled peer was counted when it stalled.
      if record.isStalled { throw .deadlineExceeded(operation: "write") }
      state.counts.add(.deadlines)
      throw .deadlineExceeded(operation: "read")
    }
  }

  /// Lets others have their turn.
  @usableFromInline
  nonisolated(nonsending) func takeTurns() async {
    record.steps = 0
    await Task.yield()
  }
}

extension ConnectionReference {
  /// What a read gave.
  enum ReadOutcome {
    case bytes
    case nothing
    case end
    case failed
  }

  /// Reads once. A read that does not fill its room has emptied the socket: the next event will say when there is more,
  /// unless a hang-up came, which no event follows.
  @inline(__always)
  func readInput(_ framing: Framing) -> ReadOutcome {
    record.input.borrow(from: &core.buffers)
    let most = framing.room(for: state.limits.frameLength)
    let (count, filled) =
      state.takesDescriptors
      ? receiveInput(most) : record.input.read(from: record.descriptor, first: BufferPool.size, most: most)
    guard count > 0 else { return note(count) }
    noteRead(Int(count), filled: filled)
    return .bytes
  }

  /// Reads once, descriptors included.
  @inline(never)
  private func receiveInput(_ most: Int) -> (count: Int64, filled: Bool) {
    let descriptors =
      record.descriptors ?? FrameDescriptors(limit: state.limits.descriptorsPerFrame, at: state.site)
    record.descriptors = descriptors
    return record.input.receive(from: record.descriptor, descriptors, first: BufferPool.size, most: most)
  }

  /// Notes that a read gave something.
  @inline(__always)
  func noteRead(_ count: Int, filled: Bool) {
    state.counts.add(.bytesReceived, count)
    record.hasSpoken = true
    record.mayRead = filled || record.readsToTheEnd
  }

  /// Notes that a read gave nothing.
  func note(_ count: Int64) -> ReadOutcome {
    record.mayRead = false
    if count == -Int64(EAGAIN) { return .nothing }
    record.sawEnd = true
    record.readErrno = Int16(-count)
    return count == 0 ? .end : .failed
  }

  /// Why the last read failed.
  func readFailure() -> IPCError {
    record.descriptors?.failure ?? .system(SystemError(errno: CInt(record.readErrno), operation: "read"))
  }

  /// The next frame among the bytes that were read.
  @inline(__always)
  func nextFrame(_ framing: Framing) throws(IPCError) -> FrameExtent? {
    try record.input.nextFrame(framing, limit: state.limits.frameLength)
  }

  /// Reads until there is a frame or nothing more to read.
  func readFrame(_ framing: Framing) throws(IPCError) -> FrameExtent? {
    if state.phase == .cancelled { throw .cancelled }
    while record.mayRead, !record.sawEnd {
      guard record.steps < Connection.mostSteps else { return nil }
      switch readInput(framing) {
      case .bytes:
        // A read is worth many frames to those who wait for their turn.
        record.steps &+= Connection.stepsOfRead
        if let frame = try nextFrame(framing) { return frame }
      case .nothing, .end: break
      case .failed: throw readFailure()
      }
    }
    guard record.sawEnd else { return nil }
    // Whoever asks again after a failure is not given what it has cut off as a last frame.
    guard record.readErrno == 0 else { throw readFailure() }
    return try record.input.lastFrame(framing)
  }
}

// MARK: - Time

extension ConnectionReference {
  /// By when a silent peer must have said something.
  func silenceDeadline() -> Deadline {
    let limit = record.hasSpoken ? state.limits.idleTime : state.limits.firstByteTime ?? state.limits.idleTime
    return limit.map { Deadline(nanoseconds: core.now).advanced(by: $0) } ?? .never
  }

  /// The time of a frame counts from its first byte.
  func noteFrameStart() {
    if record.frameStart == 0 { record.frameStart = core.now }
  }

  /// By when the frame that is on its way must have come.
  func frameDeadline() -> Deadline {
    Deadline(nanoseconds: record.frameStart).advanced(by: state.limits.frameTime)
  }
}
