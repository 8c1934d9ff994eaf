// Lines and pieces out of a byte stream, as views into one buffer: the reader that consumes its descriptor.
//
// The leak story's first suspect was a reader made around a borrowed descriptor, where nobody could say who closes it.
// Here the question cannot be asked: the reader owns the descriptor, and its end is the descriptor's end.

internal import CIPCShim
internal import Glibc

/// Reads lines, delimiter-ended frames and exact lengths from a descriptor that it owns.
///
/// What it returns are views into its own buffer: nothing is copied, nothing allocated, and the compiler refuses to keep a
/// view beyond the next read or beyond the reader. `as: String.self` and `as: [UInt8].self` make copies to keep.
///
/// - Warning: Swift 6.3 overlooks one way to keep a view: assigning it, inside a `while let` loop, to a variable declared
///   outside. It then shows what was read later.
///
/// ```swift
/// func copyLines(_ descriptor: consuming FileDescriptor) throws(IPCError) -> Int {
///   var reader = BufferedReader(descriptor)
///   var bytes = 0
///   while let line = try reader.nextLine(deadline: .after(.seconds(5))) {
///     bytes += line.byteCount
///   }
///   return bytes
/// }
/// ```
public struct BufferedReader: ~Copyable, Sendable {
  /// The descriptor it reads from, to be written to or asked between reads; it stays the reader's.
  public let descriptor: FileDescriptor

  private var buffer = FrameBuffer()
  /// Nil where none are taken.
  private let descriptors: FrameDescriptors?
  private let limit: Int
  private let capacity: Int
  private var sawEnd = false

  /// Takes over the descriptor.
  /// - Parameters:
  ///   - descriptor: closed when the reader ends, unless ``detach()`` hands it back.
  ///   - limit: the longest frame in bytes; 1 MiB.
  ///   - capacity: the buffer's size in bytes at first; it grows up to the limit when a frame needs it.
  ///   - descriptorLimit: how many descriptors may come with a frame, at most 253, for ``takeDescriptors()``; with 0, the
  ///     kernel lets go of what is sent.
  ///   - fileID: with `line`, the ``DescriptorOrigin`` of those.
  ///   - line: as `fileID`.
  public init(
    _ descriptor: consuming FileDescriptor, limit: Int = 1 << 20, capacity: Int = 1 << 16, descriptorLimit: Int = 0,
    fileID: StaticString = #fileID, line: UInt32 = #line
  ) {
    precondition(limit > 0 && capacity > 0, "a reader needs room")
    precondition(descriptorLimit >= 0 && descriptorLimit <= DescriptorList.mostInMessage, "0 to 253 descriptors")
    descriptors = descriptorLimit > 0 ? FrameDescriptors(limit: descriptorLimit, at: CallSite(fileID, line)) : nil
    self.descriptor = descriptor
    self.limit = limit
    self.capacity = capacity
  }

  /// The next line without its newline; nil at the end of the file.
  ///
  /// An empty line is an empty view, not nil. The last line needs no newline. Carriage returns are left alone.
  /// - Throws: ``IPCError/peer(_:)`` with ``PeerError/frameTooLong(limit:received:)``, after which the reader is where it
  ///   was; ``IPCError/deadlineExceeded(operation:)``, after which reading can go on; ``IPCError/system(_:)``.
  @_lifetime(&self)
  public mutating func nextLine(deadline: Deadline = .never) throws(IPCError) -> RawSpan? {
    try nextFrame(.line, deadline: deadline)
  }

  /// The bytes up to the next `delimiter`, without it; nil at the end of the file. As ``nextLine(deadline:)`` otherwise.
  @_lifetime(&self)
  public mutating func next(
    endingWith delimiter: UInt8, deadline: Deadline = .never
  ) throws(IPCError) -> RawSpan? {
    try nextFrame(.delimited(by: delimiter), deadline: deadline)
  }

  /// The next frame, however frames are told apart; nil at the end of the file.
  /// - Throws: ``PeerError/frameCutOff(expected:received:)`` when the file ends before the length that a frame has
  ///   promised; else as ``nextLine(deadline:)``.
  @_lifetime(&self)
  @inline(__always)
  public mutating func nextFrame(_ framing: Framing, deadline: Deadline = .never) throws(IPCError) -> RawSpan? {
    while true {
      if let frame = try buffer.nextFrame(framing, limit: limit) { return try take(frame) }
      if try !fill(framing, deadline) {
        guard let rest = try buffer.lastFrame(framing) else { return nil }
        return try take(rest)
      }
    }
  }

  /// Exactly `count` bytes, which is not negative; nil when the file ends before the first of them.
  /// - Throws: ``PeerError/frameCutOff(expected:received:)`` when it ends in between, ``PeerError/frameTooLong(limit:received:)``
  ///   when `count` is over the limit; else as ``nextLine(deadline:)``.
  @_lifetime(&self)
  public mutating func next(exactly count: Int, deadline: Deadline = .never) throws(IPCError) -> RawSpan? {
    precondition(count >= 0, "a negative number of bytes")
    guard count <= limit else { throw .peer(.frameTooLong(limit: limit, received: count)) }
    while buffer.unreadCount < count {
      if try !fill(.raw, deadline) {
        guard buffer.unreadCount > 0 else { return nil }
        throw .peer(.frameCutOff(expected: count, received: buffer.unreadCount))
      }
    }
    return try take(FrameExtent(prefix: 0, count: count, suffix: 0))
  }

  /// The descriptors that came with the frame that was read last: those of the send that the frame ends with. They are the
  /// caller's from now on; what is not taken before the next frame, or before it is waited for, is closed. recvmsg(2) with
  /// SCM_RIGHTS.
  ///
  /// Whoever sends a frame and its descriptors with one call, as
  /// ``FileDescriptor/send(_:passing:deadline:)-(_,DescriptorList,_)`` does, has them arrive with it. None where the reader
  /// was made to take none.
  public mutating func takeDescriptors() -> DescriptorList { descriptors?.take() ?? DescriptorList() }

  /// A descriptor that was handed back, with what had been read from it and not been asked for.
  @frozen public struct Detached: ~Copyable {
    /// The caller's from now on.
    public var descriptor: FileDescriptor
    /// These bytes come before whatever is read from the descriptor next.
    public let unread: [UInt8]
    /// These came with those bytes; closed where it ends, unless they are taken out.
    public var descriptors: DescriptorList
  }

  /// Ends the reader without closing: hands the descriptor back together with the bytes not yet read, and what came with
  /// them. The descriptors of the frame that was read last are closed, unless they were taken.
  public consuming func detach() -> Detached {
    let unread = buffer.unread
    let came = descriptors?.takeUnread() ?? DescriptorList()
    return Detached(descriptor: descriptor, unread: unread, descriptors: came)
  }
}

extension BufferedReader {
  @_lifetime(&self)
  @inline(__always)
  private mutating func take(_ frame: FrameExtent) throws(IPCError) -> RawSpan {
    if let descriptors {
      try descriptors.checkFrame(of: frame.total)
      descriptors.tookFrame(of: frame.total)
    }
    return buffer.take(frame)
  }

  /// Reads once; false at the end of the file, which is remembered because a terminal could be read on after it.
  private mutating func fill(_ framing: Framing, _ deadline: Deadline) throws(IPCError) -> Bool {
    guard !sawEnd else { return false }
    descriptors?.closeTaken()
    // What was lost does not come again.
    if let failure = descriptors?.failure { throw failure }
    // A blocking descriptor must not be read before it is ready, or the deadline would not be looked at again.
    var hangups = Hangups()
    if deadline != .never { hangups.note(try descriptor.wait(for: IPC_READABLE, "read", deadline)) }
    while true {
      let got = read(framing)
      if got == -Int64(EAGAIN) {
        if hangups.areFinal { throw .system(.shutDown("read")) }
        hangups.note(try descriptor.wait(for: IPC_READABLE, "read", deadline))
        continue
      }
      if let failure = descriptors?.failure { throw failure }
      sawEnd = try IPCError.wrap { () throws(SystemError) in try SystemError.check(got, "read") } == 0
      return !sawEnd
    }
  }

  private mutating func read(_ framing: Framing) -> Int64 {
    let most = framing.room(for: limit)
    guard let descriptors else { return buffer.read(from: descriptor, first: capacity, most: most).count }
    return buffer.receive(from: descriptor, descriptors, first: capacity, most: most).count
  }
}
