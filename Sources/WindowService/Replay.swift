// What a window printed earlier, shown again: without what would make a terminal answer, since the program that asked has
// had its answer long ago and would take another one for something typed.

/// Output for a second showing.
enum Replay {
  /// Bytes that were kept, from a clean beginning.
  /// - Parameter isCutOff: whether there were others before, which are not kept: then it begins with a line of its own,
  ///   if one does in its first part.
  static func of(_ kept: [UInt8], isCutOff: Bool) -> [UInt8] {
    var rest = kept[...]
    if isCutOff, let newline = rest.prefix(longestFirstLine).firstIndex(of: UInt8(ascii: "\n")) {
      rest = rest[(newline + 1)...]
    }
    return withoutQuestions(rest)
  }

  /// The last lines, as many as a screen of that size has.
  static func screenful(of kept: [UInt8], columns: Int, rows: Int) -> [UInt8] {
    let most = kept.suffix(max(1, columns) * max(1, rows) * bytesForCharacter)
    var start = most.startIndex
    var lines = 0
    for index in most.indices.reversed() where most[index] == UInt8(ascii: "\n") {
      lines += 1
      guard lines < max(1, rows) else {
        start = index + 1
        break
      }
    }
    return of(Array(most[start...]), isCutOff: start == most.startIndex && most.count < kept.count)
  }

  private static let longestFirstLine = 4096
  /// Colours and the like included, for most programs.
  private static let bytesForCharacter = 4

  /// The bytes without control sequences that ask the terminal something, and without those that another one has cut off:
  /// these had no effect, and must not begin one with what follows a question. A sequence that has not ended stays: what is
  /// printed next ends it.
  private static func withoutQuestions(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var shown: [UInt8] = []
    shown.reserveCapacity(bytes.count)
    var rest = bytes
    while let next = rest.firstIndex(where: { $0 == escape || $0 == enquiry }) {
      shown += rest[..<next]
      rest = rest[next...]
      guard rest.first == escape else {
        rest = rest.dropFirst()
        continue
      }
      let sequence = ControlSequence(rest)
      let stays = sequence.isWhole ? !sequence.asks : sequence.end == rest.endIndex
      shown += (stays ? Array(rest[..<sequence.end]) : sequence.controls).filter { $0 != enquiry }
      rest = rest[sequence.end...]
    }
    return shown + rest
  }

  private static let escape: UInt8 = 0x1B
  private static let enquiry: UInt8 = 0x05
}

/// One control sequence, ECMA-48's, from its ESC on, as terminals read it: control characters take effect in its midst, an
/// ESC begins another one, CAN and SUB end it.
private struct ControlSequence {
  /// Its own bytes.
  private var bytes: [UInt8] = [0x1B]
  /// The control characters in its midst.
  private(set) var controls: [UInt8] = []
  /// Whether its end has come.
  private(set) var isWhole = false
  /// Where it ends, or is cut off, or the text is at its end.
  private(set) var end: ArraySlice<UInt8>.Index

  /// The sequence at the beginning of `text`.
  init(_ text: ArraySlice<UInt8>) {
    end = text.index(after: text.startIndex)
    while end < text.endIndex, !isWhole, ![0x18, 0x1A, 0x1B].contains(text[end]) {
      let byte = text[end]
      end += 1
      if byte < 0x20 {
        controls.append(byte)
        continue
      }
      bytes.append(byte)
      if bytes.count == 2, "]P_^X".utf8.contains(byte) {
        readString(text)
        return
      }
      isWhole = isLast(byte)
    }
  }

  private func isLast(_ byte: UInt8) -> Bool {
    if bytes[1] != UInt8(ascii: "[") { return !(0x20...0x2F).contains(byte) }
    return bytes.count > 2 && !(0x20...0x3F).contains(byte)
  }

  /// A string of control ends with BEL, or with ESC and a backslash.
  private mutating func readString(_ text: ArraySlice<UInt8>) {
    let body = text[end...]
    end = body.firstIndex { [0x07, 0x18, 0x1A, 0x1B].contains($0) } ?? body.endIndex
    bytes += body[..<end]
    switch text[end...].prefix(2) {
    case let last where last.first == 0x07: (isWhole, end) = (true, end + 1)
    case [0x1B, UInt8(ascii: "\\")]: (isWhole, end) = (true, end + 2)
    case [0x1B]: end = text.endIndex
    default: break
    }
  }

  /// Whether the terminal would answer.
  var asks: Bool {
    let kind = bytes.dropFirst().first
    // Of strings, terminals leave control characters out, and so is ENQ here: what is a question without them is one.
    let body = bytes.dropFirst(2).filter { $0 >= 0x20 }
    return switch kind {
    case UInt8(ascii: "Z"): true
    case UInt8(ascii: "["): Self.controlAsks(body[...])
    case UInt8(ascii: "]"): body.contains(UInt8(ascii: "?"))
    case UInt8(ascii: "P"): ["+q", "$q"].contains { body.drop { (0x30...0x3F).contains($0) }.starts(with: $0.utf8) }
    case UInt8(ascii: "_"): body.contains("a=q".utf8)
    default: false
    }
  }

  /// Identity, state, checksums, sizes, modes, keyboard, version and graphics: what xterm's and kitty's documents have.
  private static func controlAsks(_ body: ArraySlice<UInt8>) -> Bool {
    let parameters = String(decoding: body.dropLast(), as: UTF8.self)
    return switch body.last {
    case UInt8(ascii: "c"), UInt8(ascii: "n"), UInt8(ascii: "x"), UInt8(ascii: "y"): true
    case UInt8(ascii: "t"): Int(parameters.prefix { $0 != ";" }).map { (11...21).contains($0) } ?? false
    case UInt8(ascii: "p"): parameters.contains("$")
    case UInt8(ascii: "u"): parameters.hasPrefix("?")
    case UInt8(ascii: "q"): parameters.hasPrefix(">")
    case UInt8(ascii: "S"): parameters.hasPrefix("?")
    case UInt8(ascii: "m"): parameters.hasPrefix("?")
    default: false
    }
  }
}
