// Text that somebody else made, for a terminal or a log: what could move a cursor or begin a line is shown, not obeyed.

/// Makes foreign text harmless.
package enum DisplayText {
  /// The text with every control character, line breaks included, as an escape: `\n`, `\e`, `\u{9B}`.
  package static func escaped(_ text: String) -> String {
    escape(text, keeping: { _ in false })
  }

  /// The same for several lines: line breaks and tabs stay, a carriage return before a line break goes.
  package static func escapedLines(_ bytes: [UInt8]) -> String {
    var kept: [UInt8] = []
    kept.reserveCapacity(bytes.count)
    for (index, byte) in bytes.enumerated() {
      let endsLine = byte == UInt8(ascii: "\r") && index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "\n")
      if !endsLine { kept.append(byte) }
    }
    return escape(String(decoding: kept, as: UTF8.self), keeping: { $0 == "\n" || $0 == "\t" })
  }

  /// A line of JSON, whose strings hold no control character but those beyond ASCII, with these as `\u009B`.
  package static func escapedJSON(_ line: [UInt8]) -> String {
    var result = String.UnicodeScalarView()
    for scalar in String(decoding: line, as: UTF8.self).unicodeScalars {
      guard isControl(scalar), scalar.value >= 0x7F else {
        result.append(scalar)
        continue
      }
      let digits = String(scalar.value, radix: 16, uppercase: true)
      result.append(contentsOf: ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).unicodeScalars)
    }
    return String(result)
  }

  private static func escape(_ text: String, keeping keep: (Unicode.Scalar) -> Bool) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      guard isControl(scalar), !keep(scalar) else {
        result.append(scalar)
        continue
      }
      result.append(contentsOf: name(of: scalar).unicodeScalars)
    }
    return String(result)
  }

  private static func name(of scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": "\\n"
    case "\r": "\\r"
    case "\t": "\\t"
    case "\u{1B}": "\\e"
    default: "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
    }
  }

  /// C0, DEL, C1, and the characters that turn the direction of text or break lines.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}
