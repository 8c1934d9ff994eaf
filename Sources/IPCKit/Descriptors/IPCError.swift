// The one error of every operation that can end in more than a failed system call, so that a handler matches one enum.

/// How a conversation can fail: by the system, by the peer, by its end, or by time.
///
/// ```swift
/// func describe(_ error: IPCError) -> String {
///   switch error {
///   case .system(let failure): "the kernel refused: \(failure)"
///   case .peer(let mistake): "the peer is wrong: \(mistake)"
///   case .endOfFile: "the peer has gone"
///   case .deadlineExceeded(let operation): "\(operation) took too long"
///   case .cancelled: "stopped by us"
///   }
/// }
/// ```
@frozen public enum IPCError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A system call failed.
  case system(SystemError)
  /// The peer sent what it may not.
  case peer(PeerError)
  /// The peer ended where more was needed.
  case endOfFile
  /// The deadline passed while the named operation waited.
  case deadlineExceeded(operation: String)
  /// The task was cancelled while it waited.
  case cancelled

  /// A sentence for a log or a terminal.
  public var description: String {
    switch self {
    case .system(let error): error.description
    case .peer(let error): error.description
    case .endOfFile: "unexpected end of file"
    case .deadlineExceeded(let operation): "\(operation): the deadline has passed"
    case .cancelled: "cancelled"
    }
  }
}

extension IPCError {
  /// Runs `body` and reports its failed system call as this type's.
  @inline(__always)
  package static func wrap<Result: ~Copyable>(
    _ body: () throws(SystemError) -> Result
  ) throws(IPCError) -> Result {
    do throws(SystemError) {
      return try body()
    } catch {
      throw .system(error)
    }
  }
}

/// What a peer did wrong.
@frozen public enum PeerError: Error, Hashable, Sendable, CustomStringConvertible {
  /// More than `limit` bytes came without the frame's end; `received` is how many had come.
  case frameTooLong(limit: Int, received: Int)
  /// The peer ended inside a frame of `expected` bytes, after `received`.
  case frameCutOff(expected: Int, received: Int)
  /// A message of `received` bytes came where there was room for `limit`; it is lost.
  case messageTooLong(limit: Int, received: Int)
  /// It asked for more than `limit` bytes and reads none of them; `unread` is how many wait.
  case outputTooLong(limit: Int, unread: Int)
  /// More than `limit` descriptors came with one message, or with one frame.
  case tooManyDescriptors(limit: Int)
  /// Text was asked for, and the bytes are not UTF-8.
  case notUTF8
  /// The peer runs as a user who is not let in.
  case notAllowed(PeerCredentials)

  /// A sentence for a log or a terminal.
  public var description: String {
    switch self {
    case .frameTooLong(let limit, let received):
      "frame too long: \(received) bytes without an end, the limit is \(limit)"
    case .frameCutOff(let expected, let received): "frame cut off: \(received) of \(expected) bytes"
    case .outputTooLong(let limit, let unread): "output too long: \(unread) bytes unread, the limit is \(limit)"
    case .messageTooLong(let limit, let received): "message too long: \(received) bytes, the limit is \(limit)"
    case .tooManyDescriptors(let limit): "more descriptors than the limit of \(limit)"
    case .notUTF8: "not UTF-8"
    case .notAllowed(let peer): "user \(peer.userID) is not allowed (process \(peer.processID))"
    }
  }
}
