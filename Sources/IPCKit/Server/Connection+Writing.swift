// Bytes into a connection: sent at once when nothing else is on its way, collected while more frames of the peer's wait to
// be answered, and held back by a peer that does not read.

internal import CIPCShim
internal import Glibc

extension Connection {
  /// Sends all of `bytes`, waiting whenever the peer has made no room.
  ///
  /// While frames that have come are not answered yet, replies are collected, up to 64 KiB, and sent together: at the
  /// latest when this handler waits for whatever it may be. send(2).
  /// - Throws: ``IPCError/deadlineExceeded(operation:)`` when the peer reads nothing for as long as the server allows;
  ///   ``IPCError/system(_:)`` with EPIPE or ECONNRESET when it has gone; ``IPCError/cancelled``.
  nonisolated(nonsending) public func write(_ bytes: RawSpan) async throws(IPCError) {
    let (reference, server) = (reference, reference.server)
    var rest = bytes
    while true {
      // Sent or copied within the call.
      let taken = try server.put(reference, rest)
      if taken == rest.byteCount { return }
      rest = rest.extracting(droppingFirst: taken)
      try await server.untilRoom(reference)
    }
  }

  /// Sends all of `bytes`; as ``write(_:)-(RawSpan)``.
  nonisolated(nonsending) public func write(_ bytes: [UInt8]) async throws(IPCError) {
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try await unsafe write(bytes.span.bytes)
  }

  /// Sends `text` as UTF-8; as ``write(_:)-(RawSpan)``.
  nonisolated(nonsending) public func write(_ text: String) async throws(IPCError) {
    try await write(Array(text.utf8))
  }

  /// Sends a head and a body with one call; as ``write(_:)-(RawSpan)``. sendmsg(2).
  @inline(__always)
  nonisolated(nonsending) public func write(_ head: RawSpan, _ body: RawSpan) async throws(IPCError) {
    let taken = try reference.server.put(reference, head, body)
    let (headRest, bodyRest) = (max(0, head.byteCount - taken), max(0, taken - head.byteCount))
    if headRest > 0 { try await write(head.extracting(last: headRest)) }
    if bodyRest < body.byteCount { try await write(body.extracting(droppingFirst: bodyRest)) }
  }

  /// Sends a line and its newline with one call; as ``write(_:)-(RawSpan)``.
  nonisolated(nonsending) public func writeLine(_ line: [UInt8]) async throws(IPCError) {
    let newline: InlineArray<1, UInt8> = [UInt8(ascii: "\n")]
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try await unsafe write(line.span.bytes, newline.span.bytes)
  }

  /// Sends what was collected, and returns when the kernel has all of it.
  /// - Throws: as ``write(_:)-(RawSpan)``.
  nonisolated(nonsending) public func flush() async throws(IPCError) {
    let (reference, server) = (reference, reference.server)
    try server.checkWritable(reference)
    while !server.flush(reference) { try await server.untilRoom(reference) }
  }
}

extension ServerCore {
  /// Takes bytes for sending: how many; fewer than there are when the peer has no room.
  func put(_ connection: ConnectionReference, _ bytes: RawSpan) throws(IPCError) -> Int {
    try checkWritable(connection)
    // The views are valid for the length of the call.
    if collects(connection, bytes.byteCount) {
      unsafe bytes.withUnsafeBytes { unsafe connection.record.output.append($0, &loop.core.buffers) }
      later(connection)
      return bytes.byteCount
    }
    guard flush(connection) else { return 0 }
    return try sent(
      connection,
      unsafe bytes.withUnsafeBytes { bytes in
        unsafe bytes.baseAddress.map { unsafe ipc_send(connection.record.descriptor.number, $0, bytes.count) } ?? 0
      })
  }

  /// The same for two pieces.
  func put(_ connection: ConnectionReference, _ head: RawSpan, _ body: RawSpan) throws(IPCError) -> Int {
    try checkWritable(connection)
    // The views are valid for the length of the call.
    if collects(connection, head.byteCount + body.byteCount) {
      unsafe head.withUnsafeBytes { unsafe connection.record.output.append($0, &loop.core.buffers) }
      unsafe body.withUnsafeBytes { unsafe connection.record.output.append($0, &loop.core.buffers) }
      later(connection)
      return head.byteCount + body.byteCount
    }
    guard flush(connection) else { return 0 }
    let result = unsafe head.withUnsafeBytes { head in
      unsafe body.withUnsafeBytes { body in
        unsafe ipc_send_two(
          connection.record.descriptor.number, head.baseAddress, head.count, body.baseAddress, body.count)
      }
    }
    return try sent(connection, result)
  }

  /// Whether a reply is collected: more frames wait to be answered, and there is room for it.
  private func collects(_ connection: ConnectionReference, _ count: Int) -> Bool {
    (connection.record.input.unreadCount > 0 || !connection.record.output.isEmpty)
      && connection.record.output.count + count <= Self.mostCollected
  }

  private func sent(_ connection: ConnectionReference, _ result: Int64) throws(IPCError) -> Int {
    if result >= 0 {
      counters.add(.bytesSent, Int(result))
      return Int(result)
    }
    if result == -Int64(EAGAIN) { return 0 }
    connection.record.writeErrno = CInt(-result)
    try checkWritable(connection)
    return 0
  }

  func checkWritable(_ connection: ConnectionReference) throws(IPCError) {
    if connection.record.writeErrno != 0 {
      throw .system(SystemError(errno: connection.record.writeErrno, operation: "write"))
    }
    if connection.record.isStalled { throw .deadlineExceeded(operation: "write") }
    if state.phase == .cancelled { throw .cancelled }
  }

  /// Suspends until the peer has made room.
  nonisolated(nonsending) func untilRoom(_ connection: ConnectionReference) async throws(IPCError) {
    try checkWritable(connection)
    try IPCError.wrap { () throws(SystemError) in try register(connection) }
    connection.record.steps = 0
    let slot = connection.record.slot
    loop.core.armForWriting(slot, connection.record.descriptor.number)
    let limit = Deadline.after(limits.stallTime)
    loop.core.slots.clearTimer(slot, .write)
    core.slots.reserve(slot, .write, until: limit)
    let reason = await loop.park(slot, .write)
    if reason == .deadline { connection.record.isStalled = true }
    if reason == .deadline { counters.add(.deadlines) }
    try checkWritable(connection)
    if reason == .cancelled { throw .cancelled }
  }
}
