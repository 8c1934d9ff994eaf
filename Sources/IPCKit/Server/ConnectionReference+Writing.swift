// Bytes out: sent at once as far as they fit, collected while the peer waits for more, and the rest whenever it has made
// room, for as long as it does.

internal import CIPCShim
internal import Glibc

extension ConnectionReference {
  /// Sends what was collected; false when some of it is left, or can never be sent.
  @inline(__always)
  func flush() -> Bool {
    record.output.isEmpty || sendAll()
  }

  private func sendAll() -> Bool {
    repeat {
      let sent = record.output.send(to: record.descriptor)
      guard sent >= 0 else { return sendFailed(sent) }
      state.counts.add(.bytesSent, Int(sent))
      if record.slot >= 0 { core.slots.clearTimer(record.slot, .write) }
    } while !record.output.isEmpty
    return true
  }

  private func sendFailed(_ result: Int64) -> Bool {
    if result == -Int64(EAGAIN) {
      awaitRoom()
    } else {
      record.writeErrno = Int16(-result)
      record.output.drop()
    }
    return false
  }

  /// Has the kernel tell of room, and lets the time of a stalled peer run.
  func awaitRoom() {
    do throws(SystemError) { try register() } catch {
      record.writeErrno = Int16(error.errno)
      return
    }
    let slot = record.slot
    core.armForWriting(slot, record.descriptor.number)
    if record.mode == .replying {
      // Nothing of the peer's is read meanwhile: it is not the peer who is late.
      core.slots.clearTimer(slot, .read)
      record.frameStart = 0
    }
    guard !core.slots.hasTimer(slot, .write) else { return }
    core.slots.setTimer(slot, .write, .after(state.limits.stallTime))
  }
}

// MARK: - Out of the loop's memory

extension ConnectionReference {
  /// Sends what was written into the loop's memory; what the peer has no room for becomes the connection's.
  /// - Returns: whether all of it is sent.
  @inline(__always)
  func sendReplies() -> Bool {
    guard record.output.isEmpty else { return joinReplies() }
    guard !core.replies.isEmpty else { return true }
    let sent = core.replies.send(to: record.descriptor)
    if sent > 0 { state.counts.add(.bytesSent, Int(sent)) }
    return core.replies.isEmpty || keepReplies()
  }

  /// Makes the replies that were not sent the connection's, and sends on.
  private func keepReplies() -> Bool {
    swap(&record.output, &core.replies)
    return flush()
  }

  /// Puts the replies behind what waits already.
  private func joinReplies() -> Bool {
    // Copied within the call.
    unsafe record.output.append(core.replies.unsentUnsafe, &core.buffers)
    core.replies.drop()
    return flush()
  }
}

// MARK: - For async handlers

extension ConnectionReference {
  /// Takes bytes for sending: how many; fewer than there are when the peer has no room, -1 when others are to have their
  /// turn first.
  @usableFromInline
  func put(_ head: RawSpan, _ body: RawSpan) throws(IPCError) -> Int {
    record.steps &+= 1
    try checkWritable()
    if isDue { return -1 }
    let count = head.byteCount &+ body.byteCount
    guard record.input.unreadCount == 0, record.output.isEmpty, count <= Self.mostJoined else {
      return try putMany(head, body, count)
    }
    // Short, and nothing is before it: one copy, one send.
    let place = unsafe core.replies.room(for: count, &core.buffers)
    if let start = place.baseAddress {
      // There is room for both.
      unsafe head.withUnsafeBytes { unsafe copy($0, to: start) }
      unsafe body.withUnsafeBytes { unsafe copy($0, to: start + head.byteCount) }
    }
    core.replies.commit(count)
    if !sendReplies() { try checkWritable() }
    return count
  }

  @inline(__always)
  @unsafe private func copy(_ bytes: UnsafeRawBufferPointer, to place: UnsafeMutableRawPointer) {
    if let start = bytes.baseAddress { unsafe place.copyMemory(from: start, byteCount: bytes.count) }
  }

  private func putMany(_ head: RawSpan, _ body: RawSpan, _ count: Int) throws(IPCError) -> Int {
    let isBehindOthers = record.input.unreadCount > 0 || !record.output.isEmpty
    guard isBehindOthers, record.output.count &+ count <= Self.mostCollected else { return try send(head, body) }
    collect(head, body)
    if !record.isDeferred { server.later(self) }
    return count
  }

  /// Copies bytes to those that are on their way.
  @inline(__always)
  fileprivate func collect(_ head: RawSpan, _ body: RawSpan) {
    // The views are valid for the length of the call, in which they are copied.
    unsafe head.withUnsafeBytes { unsafe record.output.append($0, &core.buffers) }
    unsafe body.withUnsafeBytes { unsafe record.output.append($0, &core.buffers) }
  }

  /// Sends what ``put(_:_:)`` has left, whenever the peer has made room.
  @usableFromInline
  nonisolated(nonsending) func putRest(_ head: RawSpan, _ body: RawSpan, _ taken: Int) async throws(IPCError) {
    var taken = max(0, taken)
    repeat {
      try await untilRoom()
      let headRest = head.extracting(droppingFirst: min(taken, head.byteCount))
      taken += max(0, try put(headRest, body.extracting(droppingFirst: max(0, taken - head.byteCount))))
    } while taken < head.byteCount + body.byteCount
  }

  /// Suspends until the peer has made room, or lets others have their turn.
  nonisolated(nonsending) func untilRoom() async throws(IPCError) {
    try checkWritable()
    if record.steps >= Connection.mostSteps { return await takeTurns() }
    record.steps = 0
    try IPCError.wrap { () throws(SystemError) in try register() }
    core.armForWriting(record.slot, record.descriptor.number)
    core.slots.clearTimer(record.slot, .write)
    core.slots.reserve(record.slot, .write, until: .after(state.limits.stallTime))
    let reason = await server.loop.park(record.slot, .write)
    if reason == .deadline {
      record.isStalled = true
      state.counts.add(.deadlines)
    }
    try checkWritable()
    if reason == .cancelled { throw .cancelled }
  }
}

extension ConnectionReference {
  /// How much is copied so that a head and a body are one plain send, in bytes.
  private static let mostJoined = 4096
  /// How many bytes are collected before they are sent.
  static let mostCollected = 1 << 16

  /// Sends bytes behind those that were collected; answers how many the kernel, or the output, has taken.
  func send(_ head: RawSpan, _ body: RawSpan) throws(IPCError) -> Int {
    guard flush() else {
      try checkWritable()
      return 0
    }
    let number = record.descriptor.number
    let result: Int64
    // The views are valid for the length of the call.
    if body.byteCount == 0 {
      result = unsafe head.withUnsafeBytes { head in
        unsafe head.baseAddress.map { unsafe ipc_send(number, $0, head.count) } ?? 0
      }
    } else {
      result = unsafe head.withUnsafeBytes { head in
        unsafe body.withUnsafeBytes { body in
          unsafe ipc_send_two(number, head.baseAddress, head.count, body.baseAddress, body.count)
        }
      }
    }
    return try sent(result)
  }

  /// Sends bytes with descriptors where nothing is before them; answers how many the kernel has taken, nil for no room.
  func send(_ bytes: RawSpan, lending descriptors: borrowing DescriptorList) throws(IPCError) -> Int? {
    try checkWritable()
    let sent = try record.descriptor.sendIfReady(bytes, lending: descriptors)
    state.counts.add(.bytesSent, sent ?? 0)
    return sent
  }

  private func sent(_ result: Int64) throws(IPCError) -> Int {
    if result >= 0 {
      state.counts.add(.bytesSent, Int(result))
      return Int(result)
    }
    if result == -Int64(EAGAIN) { return 0 }
    record.writeErrno = Int16(-result)
    try checkWritable()
    return 0
  }

  @inline(__always)
  func checkWritable() throws(IPCError) {
    guard record.writeErrno == 0, !record.isStalled, state.phase != .cancelled else {
      throw writeFailure()
    }
  }

  private func writeFailure() -> IPCError {
    if record.writeErrno != 0 {
      return .system(SystemError(errno: CInt(record.writeErrno), operation: "write"))
    }
    return record.isStalled ? .deadlineExceeded(operation: "write") : .cancelled
  }
}
