// Answers without a task: a closure that runs on the loop, from a frame that it borrows to bytes of the connection's output.

/// Answers the frames of every connection at once, on the loop: for services that need not wait.
///
/// It costs no task and no suspension. What must wait is handed over to an async handler with ``ReplyHandler/Reply/handOver()``.
///
/// ```swift
/// let shout = ReplyHandler { frame, reply in
///   reply.write(frame)
///   reply.write("!\n")
/// }
/// ```
public struct ReplyHandler: Sendable {
  let frame: @Sendable (RawSpan, inout Reply) throws -> Void
  let end: @Sendable (inout Reply) throws -> Void
  let failure: @Sendable (IPCError, inout Reply) -> Void

  /// A handler from its parts; each runs on the loop and must not block.
  /// - Parameters:
  ///   - frame: is given each frame, without its delimiter or length. An error that it throws ends the connection and is
  ///     reported.
  ///   - end: is called once the peer has ended its sending, for a last word.
  ///   - failure: is called when a connection ends because a frame was too long or came too slowly; what it writes, the
  ///     peer can read.
  public init(
    _ frame: @escaping @Sendable (RawSpan, inout Reply) throws -> Void,
    atEnd end: @escaping @Sendable (inout Reply) throws -> Void = { _ in },
    onFailure failure: @escaping @Sendable (IPCError, inout Reply) -> Void = { _, _ in }
  ) {
    self.frame = frame
    self.end = end
    self.failure = failure
  }
}

extension ReplyHandler {
  /// What a reply handler does to its connection: lent for a call, and not to be kept.
  public struct Reply: ~Copyable {
    enum Outcome {
      case goOn
      case end
      case handOver
    }

    private let connection: ConnectionReference
    private(set) var outcome = Outcome.goOn

    init(_ connection: ConnectionReference) { self.connection = connection }

    /// Adds bytes to the reply. They are sent together with the replies to other frames that have come by now. send(2).
    public mutating func write(_ bytes: RawSpan) {
      // The view is lent for the length of this call, in which the bytes are copied.
      unsafe append(bytes.withUnsafeBytes { unsafe $0 })
    }

    /// Adds bytes to the reply.
    public mutating func write(_ bytes: [UInt8]) {
      // Valid for the length of the call, in which it is copied.
      unsafe bytes.withUnsafeBytes { unsafe append($0) }
    }

    /// Adds a line and its newline to the reply.
    public mutating func writeLine(_ line: RawSpan) {
      // The view is lent for the length of this call, in which the bytes are copied.
      let bytes = unsafe line.withUnsafeBytes { unsafe $0 }
      unsafe connection.core.replies.append(bytes, UInt8(ascii: "\n"), &connection.core.buffers)
    }

    /// Adds text to the reply, as UTF-8.
    public mutating func write(_ text: String) {
      var text = text
      // Valid for the length of the call, in which it is copied.
      text.withUTF8 { unsafe append(UnsafeRawBufferPointer($0)) }
    }

    /// Ends the conversation once the reply is sent; what the peer sends after this frame is not answered.
    public mutating func end() { outcome = .end }

    /// Leaves this frame, and the connection, to the server's async handler: it reads the frame as its first. What was
    /// written so far is sent before what that handler writes.
    /// - Precondition: the server has an async handler.
    public mutating func handOver() { outcome = .handOver }

    /// A number of the handler's own that is kept with the connection, 0 at first: a count, or a place in a table.
    public var tag: Int {
      get { connection.record.tag }
      set { connection.record.tag = newValue }
    }

    /// Who is asked for a reply, by the kernel's word. getsockopt(2) with SO_PEERCRED, once, where no policy has asked.
    public var peer: PeerCredentials {
      mutating get throws(SystemError) { try connection.peer() }
    }

    private func append(_ bytes: UnsafeRawBufferPointer) {
      unsafe connection.core.replies.append(bytes, &connection.core.buffers)
    }
  }
}

extension ConnectionReference {
  /// The peer's credentials, asked for at most once.
  func peer() throws(SystemError) -> PeerCredentials {
    if let known = record.peer { return known }
    let asked = try record.descriptor.peerCredentials()
    record.peer = asked
    return asked
  }
}
