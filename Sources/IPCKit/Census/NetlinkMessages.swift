// The framing of netlink: messages with a length, and attributes with a length in them. netlink(7).

/// Goes through the messages of one datagram, and through the attributes of a message. No length is believed that leads
/// beyond the bytes that came.
struct NetlinkMessages: ~Escapable {
  private let bytes: RawSpan
  private var position = 0

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan) { self.bytes = bytes }

  struct Message {
    let type: UInt16
    let flags: UInt16
    /// Where its content is.
    let content: Range<Int>
  }

  static let done: UInt16 = 3
  static let error: UInt16 = 2
  /// NLM_F_DUMP_INTR: what is dumped has changed meanwhile.
  static let interrupted: UInt16 = 0x10

  /// The next message; nil at the end, or where the bytes are none.
  mutating func next() -> Message? {
    let header = 16
    guard bytes.byteCount - position >= header else { return nil }
    let length = Int(UInt32(at: position, in: bytes))
    guard length >= header, length <= bytes.byteCount - position else { return nil }
    let message = Message(
      type: UInt16(at: position + 4, in: bytes), flags: UInt16(at: position + 6, in: bytes),
      content: position + header..<position + length)
    position = min(Self.aligned(position + length), bytes.byteCount)
    return message
  }

  /// Calls `body` with the type and the place of each attribute in this range.
  static func forEachAttribute(in range: Range<Int>, of bytes: RawSpan, _ body: (UInt16, Range<Int>) -> Void) {
    var position = range.lowerBound
    while range.upperBound - position >= 4 {
      let length = Int(UInt16(at: position, in: bytes))
      guard length >= 4, length <= range.upperBound - position else { return }
      body(UInt16(at: position + 2, in: bytes), position + 4..<position + length)
      position = aligned(position + length)
    }
  }

  private static func aligned(_ position: Int) -> Int { (position + 3) & ~3 }
}

extension FixedWidthInteger where Self: BitwiseCopyable {
  /// The integer at this place, in the machine's byte order; the bytes must be there.
  init(at position: Int, in bytes: RawSpan) {
    // Every bit pattern is an integer, and the span checks the bounds.
    self = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: position, as: Self.self)
  }
}
