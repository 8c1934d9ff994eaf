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
  @safe public struct Reply: ~Copyable {
    enum Outcome {
      case goOn
      case end
      case handOver
    }

    private let connection: ConnectionReference
    private(set) var outcome = Outcome.goOn
    /// Where the next byte goes, and how many still fit: in the loop's memory, which is sent when the frames that have
    /// come are answered.
    @usableFromInline var next: UnsafeMutableRawPointer
    @usableFromInline var room: Int
    /// Where the replies that are not sent yet begin, and that to the frame at hand.
    private var first: UnsafeMutableRawPointer
    private var beginning: UnsafeMutableRawPointer

    init(_ connection: ConnectionReference) {
      self.connection = connection
      let place = unsafe Self.place(connection, for: 1)
      unsafe (next, room, first) = (place.start, place.count, place.start)
      unsafe beginning = place.start
    }

    /// Adds bytes to the reply. They are sent together with the replies to other frames that have come by now. send(2).
    @inlinable @inline(__always)
    public mutating func write(_ bytes: RawSpan) {
      let count = bytes.byteCount
      if count > room { makeRoom(for: count) }
      // The view is lent for the length of this call, in which the bytes are copied to where they fit.
      unsafe bytes.withUnsafeBytes { bytes in
        if let start = bytes.baseAddress { unsafe next.copyMemory(from: start, byteCount: count) }
      }
      unsafe next += count
      room &-= count
    }

    /// Adds bytes to the reply.
    @inlinable @inline(__always)
    public mutating func write(_ bytes: [UInt8]) {
      // Bytes seen as raw bytes: nothing is reinterpreted.
      unsafe write(bytes.span.bytes)
    }

    /// Adds a line and its newline to the reply.
    @inlinable @inline(__always)
    public mutating func writeLine(_ line: RawSpan) {
      write(line)
      if room == 0 { makeRoom(for: 1) }
      // There is room for a byte.
      unsafe next.storeBytes(of: 10, as: UInt8.self)
      unsafe next += 1
      room &-= 1
    }

    /// Adds text to the reply, as UTF-8.
    public mutating func write(_ text: String) {
      var text = text
      // Valid for the length of the call, in which it is copied.
      text.withUTF8 { unsafe write(RawSpan(_unsafeBytes: UnsafeRawBufferPointer($0))) }
    }

    /// Ends the conversation once the reply is sent; what the peer sends after this frame is not answered.
    public mutating func end() { outcome = .end }

    /// Leaves this frame, and the connection, to the server's async handler: it reads the frame as its first, or the end
    /// where this is called at the end. What was written so far is sent before what that handler writes. After a failure
    /// it changes nothing: nothing can be read on from there.
    /// - Precondition: the server has an async handler.
    public mutating func handOver() { outcome = .handOver }

    /// A number of the handler's own that is kept with the connection, 0 at first: a count, or a place in a table.
    public var tag: Int {
      get { connection.record.number }
      set { connection.record.number = newValue }
    }

    /// Who is asked for a reply, by the kernel's word. getsockopt(2) with SO_PEERCRED, once, where no policy has asked.
    public var peer: Peer {
      @_lifetime(borrow self)
      get throws(SystemError) {
        // The record keeps its descriptor open for as long as a reply handler runs.
        unsafe _overrideLifetime(Peer(try connection.peer(), at: connection.record.descriptor), borrowing: self)
      }
    }
  }
}

extension ReplyHandler.Reply {
  /// How many bytes wait to be sent.
  @inline(__always)
  var count: Int { unsafe next - first }

  /// How many of them answer the frame at hand.
  var countOfFrame: Int { unsafe next - beginning }

  /// Begins the reply to a frame.
  @inline(__always)
  mutating func begin() { unsafe beginning = next }

  /// Takes back what answers the frame at hand.
  mutating func takeBack() {
    room += countOfFrame
    unsafe next = beginning
  }

  /// Hands what was written over to be sent. Before more is written, ``resume()``.
  @inline(__always)
  func commit() { connection.core.replies.commit(count) }

  /// Goes on once what was handed over is sent, or kept elsewhere.
  mutating func resume() {
    let place = unsafe Self.place(connection, for: 1)
    unsafe (next, room, first) = (place.start, place.count, place.start)
    begin()
  }

  @usableFromInline mutating func makeRoom(for more: Int) {
    let (count, frame) = (count, countOfFrame)
    // Grown with what is there, and taken back again: it is not complete.
    connection.core.replies.commit(count)
    let place = unsafe Self.place(connection, for: more)
    connection.core.replies.commit(-count)
    unsafe (next, room, first) = (place.start, place.count, place.start - count)
    unsafe beginning = next - frame
  }

  @unsafe private static func place(
    _ connection: ConnectionReference, for count: Int
  ) -> (start: UnsafeMutableRawPointer, count: Int) {
    let place = unsafe connection.core.replies.room(for: count, &connection.core.buffers)
    guard let start = place.baseAddress else { preconditionFailure("no memory for a reply") }
    return unsafe (start, place.count)
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
