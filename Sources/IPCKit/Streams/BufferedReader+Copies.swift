// The reader's pieces as values to keep: each copies what the view shows.

extension BufferedReader {
  /// The next line as bytes to keep; as ``nextLine(deadline:)``.
  public mutating func nextLine(as: [UInt8].Type, deadline: Deadline = .never) throws(IPCError) -> [UInt8]? {
    try next(endingWith: UInt8(ascii: "\n"), as: [UInt8].self, deadline: deadline)
  }

  /// The next line as text to keep; as ``nextLine(deadline:)``.
  /// - Throws: ``PeerError/notUTF8``, with the line consumed.
  public mutating func nextLine(as: String.Type, deadline: Deadline = .never) throws(IPCError) -> String? {
    try next(endingWith: UInt8(ascii: "\n"), as: String.self, deadline: deadline)
  }

  /// The bytes up to the next `delimiter`, to keep; as ``next(endingWith:deadline:)``.
  public mutating func next(
    endingWith delimiter: UInt8, as: [UInt8].Type, deadline: Deadline = .never
  ) throws(IPCError) -> [UInt8]? {
    guard let frame = try next(endingWith: delimiter, deadline: deadline) else { return nil }
    return [UInt8](copying: frame)
  }

  /// The bytes up to the next `delimiter`, as text to keep; as ``next(endingWith:deadline:)``.
  /// - Throws: ``PeerError/notUTF8``, with the frame consumed.
  public mutating func next(
    endingWith delimiter: UInt8, as: String.Type, deadline: Deadline = .never
  ) throws(IPCError) -> String? {
    guard let frame = try next(endingWith: delimiter, deadline: deadline) else { return nil }
    return try Self.text(frame)
  }

  /// Exactly `count` bytes, to keep; as ``next(exactly:deadline:)``.
  public mutating func next(
    exactly count: Int, as: [UInt8].Type, deadline: Deadline = .never
  ) throws(IPCError) -> [UInt8]? {
    guard let piece = try next(exactly: count, deadline: deadline) else { return nil }
    return [UInt8](copying: piece)
  }

  /// Exactly `count` bytes, as text to keep; as ``next(exactly:deadline:)``.
  /// - Throws: ``PeerError/notUTF8``, with the bytes consumed.
  public mutating func next(
    exactly count: Int, as: String.Type, deadline: Deadline = .never
  ) throws(IPCError) -> String? {
    guard let piece = try next(exactly: count, deadline: deadline) else { return nil }
    return try Self.text(piece)
  }

  private static func text(_ view: RawSpan) throws(IPCError) -> String {
    guard let text = String(validating: view) else { throw .peer(.notUTF8) }
    return text
  }
}
