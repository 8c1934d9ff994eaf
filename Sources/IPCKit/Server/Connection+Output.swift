// Bytes into a connection: sent at once when nothing else is on its way, collected while more frames of the peer's wait to
// be answered, and held back by a peer that does not read.

extension Connection {
  /// Sends all of `bytes`, waiting whenever the peer has made no room.
  ///
  /// While frames that have come are not answered yet, replies are collected, up to 64 KiB, and sent together: at the
  /// latest when this handler waits for whatever it may be. send(2).
  /// - Throws: ``IPCError/deadlineExceeded(operation:)`` when the peer reads nothing for as long as the server allows;
  ///   ``IPCError/system(_:)`` with EPIPE or ECONNRESET when it has gone; ``IPCError/cancelled``.
  @inlinable @inline(__always)
  nonisolated(nonsending) public func write(_ bytes: RawSpan) async throws(IPCError) {
    try await write(bytes, RawSpan())
  }

  /// Sends a head and a body with one call; as ``write(_:)-(RawSpan)``. sendmsg(2).
  @inlinable @inline(__always)
  nonisolated(nonsending) public func write(_ head: RawSpan, _ body: RawSpan) async throws(IPCError) {
    let taken = try reference.put(head, body)
    if taken < head.byteCount + body.byteCount { try await reference.putRest(head, body, taken) }
  }

  /// Sends a line and its newline; as ``write(_:)-(RawSpan)``.
  @inlinable @inline(__always)
  nonisolated(nonsending) public func writeLine(_ line: RawSpan) async throws(IPCError) {
    let newline: InlineArray<1, UInt8> = [10]
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try await unsafe write(line, newline.span.bytes)
  }

  /// Sends a line and its newline; as ``write(_:)-(RawSpan)``.
  @inlinable @inline(__always)
  nonisolated(nonsending) public func writeLine(_ line: [UInt8]) async throws(IPCError) {
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try await unsafe writeLine(line.span.bytes)
  }

  /// Sends all of `bytes`; as ``write(_:)-(RawSpan)``.
  @inlinable @inline(__always)
  nonisolated(nonsending) public func write(_ bytes: [UInt8]) async throws(IPCError) {
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try await unsafe write(bytes.span.bytes)
  }

  /// Sends a line as UTF-8, and its newline; as ``write(_:)-(RawSpan)``.
  nonisolated(nonsending) public func writeLine(_ line: String) async throws(IPCError) {
    try await writeLine(Array(line.utf8))
  }

  /// Sends `text` as UTF-8; as ``write(_:)-(RawSpan)``.
  nonisolated(nonsending) public func write(_ text: String) async throws(IPCError) {
    try await write(Array(text.utf8))
  }

  /// Sends what was collected, and returns when the kernel has all of it.
  /// - Throws: as ``write(_:)-(RawSpan)``.
  nonisolated(nonsending) public func flush() async throws(IPCError) {
    try reference.checkWritable()
    while !reference.flush() { try await reference.untilRoom() }
  }

  /// Sends bytes and gives descriptors away with them, whether sending succeeds or not; as
  /// ``write(_:lending:)-(RawSpan,_)``.
  nonisolated(nonsending) public func write(
    _ bytes: RawSpan, passing descriptors: consuming DescriptorList
  ) async throws(IPCError) {
    try await write(bytes, lending: descriptors)
  }

  /// Sends text as UTF-8 and gives a descriptor away with it, whether sending succeeds or not; as
  /// ``write(_:lending:)-(RawSpan,_)``.
  nonisolated(nonsending) public func write(
    _ text: String, passing descriptor: consuming FileDescriptor
  ) async throws(IPCError) {
    let bytes = Array(text.utf8)
    let descriptors = DescriptorList(descriptor)
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try await unsafe write(bytes.span.bytes, lending: descriptors)
  }

  /// Sends text as UTF-8 and a copy of a descriptor, which stays the caller's too; as ``write(_:lending:)-(RawSpan,_)``.
  nonisolated(nonsending) public func write(
    _ text: String, lending descriptor: borrowing FileDescriptor
  ) async throws(IPCError) {
    try await write(text, passing: IPCError.wrap { () throws(SystemError) in try descriptor.duplicate() })
  }

  /// Sends what was collected, and then bytes with copies of descriptors, which stay the caller's too. sendmsg(2) with
  /// SCM_RIGHTS.
  /// - Throws: as ``write(_:)-(RawSpan)``, and what ``FileDescriptor/send(_:lending:deadline:)-(_,DescriptorList,_)`` says
  ///   of descriptors.
  nonisolated(nonsending) public func write(
    _ bytes: RawSpan, lending descriptors: borrowing DescriptorList
  ) async throws(IPCError) {
    try await flush()
    var sent: Int?
    while sent == nil {
      sent = try reference.send(bytes, lending: descriptors)
      if sent == nil { try await reference.untilRoom() }
    }
    try await write(bytes.extracting(droppingFirst: sent ?? 0))
  }
}
