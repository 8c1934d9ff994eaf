// The kernel's texts in /proc, read byte by byte: there are thousands of lines, and none is worth a string.

/// Goes through text line by line, and through a line field by field. What it does not find, it does not pass.
package struct TextScanner: ~Escapable {
  private let bytes: Span<UInt8>
  private var position = 0
  /// Where the current line ends.
  private var end: Int
  private var next = 0

  /// Begins before the first line.
  @_lifetime(copy bytes)
  package init(_ bytes: Span<UInt8>) {
    self.bytes = bytes
    end = 0
  }

  /// Begins with all bytes as the first line, whatever they are.
  @_lifetime(copy bytes)
  package init(line bytes: Span<UInt8>) {
    self.bytes = bytes
    end = bytes.count
    next = bytes.count
  }

  /// Goes on to the next line; false at the end.
  package mutating func nextLine() -> Bool {
    guard next < bytes.count else { return false }
    position = next
    end = position
    while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
    next = end + 1
    return true
  }

  /// The next byte; nil at the line's end.
  package var first: UInt8? { position < end ? bytes[position] : nil }

  /// Whether the line is at its end.
  package var isAtEnd: Bool { position >= end }

  /// Passes `text` when it comes next.
  package mutating func skip(_ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard end - position >= count else { return false }
    // A static string's bytes are a constant of the program.
    for offset in 0..<count where unsafe bytes[position + offset] != text.utf8Start[offset] { return false }
    position += count
    return true
  }

  /// Passes spaces and tabs.
  package mutating func skipBlanks() {
    while position < end, Self.isBlank(bytes[position]) { position += 1 }
  }

  /// Passes so many words; false when the line has fewer.
  package mutating func skip(words count: Int) -> Bool {
    for _ in 0..<count {
      skipBlanks()
      guard !isAtEnd else { return false }
      while position < end, !Self.isBlank(bytes[position]) { position += 1 }
    }
    return true
  }

  /// Passes everything up to and including `text`, when it comes in this line.
  package mutating func skip(through text: StaticString) -> Bool {
    let start = position
    while position < end {
      if skip(text) { return true }
      position += 1
    }
    position = start
    return false
  }

  /// Passes blanks, then digits, and answers their value; nil without a digit, or for what no 64 bits hold.
  package mutating func number(radix: UInt64 = 10) -> UInt64? {
    skipBlanks()
    let start = position
    var value: UInt64 = 0
    while position < end, let digit = Self.digit(bytes[position]), digit < radix {
      let (product, tooLarge) = value.multipliedReportingOverflow(by: radix)
      let (sum, carries) = product.addingReportingOverflow(digit)
      guard !tooLarge, !carries else {
        position = start
        return nil
      }
      value = sum
      position += 1
    }
    return position == start ? nil : value
  }

  /// Passes blanks, then what is not blank, and answers it; nil at the line's end.
  package mutating func word() -> String? {
    skipBlanks()
    let start = position
    while position < end, !Self.isBlank(bytes[position]) { position += 1 }
    return position == start ? nil : text(start..<position)
  }

  /// The line from here on. Bytes that are not UTF-8 become U+FFFD.
  package func rest() -> String { text(position..<end) }

  private func text(_ range: Range<Int>) -> String {
    // The bytes are copied before the call returns.
    unsafe bytes.extracting(range).withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

  private static func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }
}
