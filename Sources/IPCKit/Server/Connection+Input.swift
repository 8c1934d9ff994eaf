// Frames out of a connection: at once when they have come, without an asynchronous call, else after a wait that ends with
// the peer's bytes, a deadline or the server's end.
//
// What is inlined into the handler is the question whether a frame has come; a handler that finds one costs no more than
// a plain call.

extension Connection {
  /// The frames that come in, apart from what goes out: a view that it returns keeps it from being read further, but not
  /// the connection from being written to. While there is one, the connection itself is not read from.
  ///
  /// One at a time: making another ends the use of the first.
  public var input: Input {
    @_lifetime(borrow self)
    get { Input(reference) }
  }

  /// The reading side of a connection, valid as long as the connection.
  ///
  /// ```swift
  /// @Sendable nonisolated(nonsending) func echo(_ connection: consuming Connection) async throws {
  ///   var input = connection.input
  ///   while let line = try await input.nextLine() {
  ///     try await connection.writeLine(line)
  ///   }
  /// }
  /// ```
  public struct Input: ~Copyable, ~Escapable {
    @usableFromInline let reference: ConnectionReference
    private let number: UInt16

    @_lifetime(immortal)
    init(_ reference: ConnectionReference) {
      reference.record.inputNumber &+= 1
      number = reference.record.inputNumber
      self.reference = reference
    }

    /// The next line; as ``Connection/nextLine(deadline:)``.
    @_lifetime(&self)
    @inlinable @inline(__always)
    nonisolated(nonsending) public mutating func nextLine(
      deadline: Deadline = .never
    ) async throws(IPCError) -> RawSpan? {
      checkCurrent()
      guard let line = unsafe try await reference.nextFrame(.line, deadline) else { return nil }
      return unsafe _overrideLifetime(RawSpan(_unsafeBytes: line), mutating: &self)
    }

    /// The next frame, as the server's framing has it; as ``Connection/nextFrame(deadline:)``.
    @_lifetime(&self)
    @inlinable @inline(__always)
    nonisolated(nonsending) public mutating func nextFrame(
      deadline: Deadline = .never
    ) async throws(IPCError) -> RawSpan? {
      try await nextFrame(reference.framing, deadline: deadline)
    }

    /// The next frame of a framing of its own; as ``Connection/nextFrame(_:deadline:)``.
    @_lifetime(&self)
    @inlinable @inline(__always)
    nonisolated(nonsending) public mutating func nextFrame(
      _ framing: Framing, deadline: Deadline = .never
    ) async throws(IPCError) -> RawSpan? {
      checkCurrent()
      guard let frame = unsafe try await reference.nextFrame(framing, deadline) else { return nil }
      return unsafe _overrideLifetime(RawSpan(_unsafeBytes: frame), mutating: &self)
    }

    /// The descriptors that came with the frame that was read last; as ``Connection/takeDescriptors()``.
    public mutating func takeDescriptors() -> DescriptorList { reference.takeDescriptors() }

    /// Two that read in turns would pull the views out from under each other.
    @usableFromInline func checkCurrent() {
      precondition(number == reference.record.inputNumber, "a connection was read from by two inputs at once")
    }
  }
}

extension Connection {
  /// The next line without its newline; nil when the peer has ended. The last line needs no newline.
  ///
  /// It is a view of the connection's own memory, valid until the connection is used next. For the first byte it waits
  /// until `deadline`; then the line must be complete within the limit that the server sets. read(2).
  /// - Throws: ``PeerError/frameTooLong(limit:received:)``, ``IPCError/deadlineExceeded(operation:)``,
  ///   ``IPCError/cancelled``, or ``IPCError/system(_:)`` with ECONNRESET when the peer broke the connection.
  @_lifetime(&self)
  @inlinable @inline(__always)
  nonisolated(nonsending) public mutating func nextLine(
    deadline: Deadline = .never
  ) async throws(IPCError) -> RawSpan? {
    try await nextFrame(.line, deadline: deadline)
  }

  /// The next frame, as the server's framing has it; as ``nextLine(deadline:)`` otherwise.
  @_lifetime(&self)
  @inlinable @inline(__always)
  nonisolated(nonsending) public mutating func nextFrame(
    deadline: Deadline = .never
  ) async throws(IPCError) -> RawSpan? {
    try await nextFrame(reference.framing, deadline: deadline)
  }

  /// The next frame of a framing of its own: for protocols that change it on the way; as ``nextLine(deadline:)``.
  /// - Throws: ``PeerError/frameCutOff(expected:received:)`` when the peer ends before the length that it has promised.
  @_lifetime(&self)
  @inlinable @inline(__always)
  nonisolated(nonsending) public mutating func nextFrame(
    _ framing: Framing, deadline: Deadline = .never
  ) async throws(IPCError) -> RawSpan? {
    guard let frame = unsafe try await reference.nextFrame(framing, deadline) else { return nil }
    // It shows the connection's memory, which changes only when the connection is read from again.
    return unsafe _overrideLifetime(RawSpan(_unsafeBytes: frame), mutating: &self)
  }

  /// The next line as bytes to keep; as ``nextLine(deadline:)``.
  @inlinable @inline(__always)
  nonisolated(nonsending) public mutating func nextLine(
    as: [UInt8].Type, deadline: Deadline = .never
  ) async throws(IPCError) -> [UInt8]? {
    guard let line = unsafe try await reference.nextFrame(.line, deadline) else { return nil }
    // Typed as what they are, bytes, so that the array copies them as a block.
    return unsafe [UInt8](line.assumingMemoryBound(to: UInt8.self))
  }

  /// The next line as text to keep; as ``nextLine(deadline:)``.
  /// - Throws: ``PeerError/notUTF8``, with the line consumed.
  nonisolated(nonsending) public mutating func nextLine(
    as: String.Type, deadline: Deadline = .never
  ) async throws(IPCError) -> String? {
    guard let line = try await nextLine(deadline: deadline) else { return nil }
    guard let text = String(validating: line) else { throw .peer(.notUTF8) }
    return text
  }
}

extension Connection {
  /// The descriptors that came with the frame that was read last; they are the caller's from now on, and what is not taken
  /// before the next frame, or before it is waited for, is closed. recvmsg(2) with SCM_RIGHTS.
  ///
  /// A handler that waits for anything else meanwhile, such as ``untilHangup(_:)``, takes them first, and ends those that it
  /// has no use for: they may be the peer's own end of the connection, and as long as it is open here no end is heard of.
  ///
  /// A view of the frame stays valid beside it, where it is one of ``input``'s.
  ///
  /// None, unless ``ServerLimits/descriptorsPerFrame`` allows some. A peer that sends a frame and its descriptors with one
  /// call, as ``FileDescriptor/send(_:passing:deadline:)-(_,DescriptorList,_)`` does, has them arrive with it. One that
  /// sends too many ends the reading with ``PeerError/tooManyDescriptors(limit:)``, and one whose descriptors find no room
  /// in this process's table with EMFILE; what came is closed then.
  public func takeDescriptors() -> DescriptorList { reference.takeDescriptors() }
}

extension ConnectionReference {
  func takeDescriptors() -> DescriptorList { record.descriptors?.take() ?? DescriptorList() }

  /// The next frame, whose bytes are valid until the connection is read from again.
  @inlinable @inline(__always)
  @unsafe nonisolated(nonsending) func nextFrame(
    _ framing: Framing, _ deadline: Deadline
  ) async throws(IPCError) -> UnsafeRawBufferPointer? {
    while true {
      if let frame = unsafe try received(framing) { return unsafe frame }
      if hasEnded { return nil }
      if isDue { await takeTurns() } else { try await wait(deadline) }
    }
  }
}

extension ConnectionReference {
  /// Suspends until there may be more to read. Inlined, so that a wait needs no memory of the task's.
  @inlinable @inline(__always)
  nonisolated(nonsending) func wait(_ deadline: Deadline) async throws(IPCError) {
    let place = try placeToWait(deadline)
    await place.stay()
    try concludeWait()
  }

  /// The server's framing.
  @usableFromInline var framing: Framing { state.framing }
}
