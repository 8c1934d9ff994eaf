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

  /// The bytes without control sequences that ask the terminal something. A sequence that has not ended stays: what is
  /// printed next ends it.
  private static func withoutQuestions(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var shown: [UInt8] = []
    shown.reserveCapacity(bytes.count)
    var rest = bytes
    while let next = rest.firstIndex(where: { $0 == escape || $0 == enquiry }) {
      shown += rest[..<next]
      rest = rest[next...]
      guard rest.first == escape, let sequence = ControlSequence(rest) else {
        if rest.first == escape { shown.append(escape) }
        rest = rest.dropFirst()
        continue
      }
      if !sequence.asks { shown += sequence.bytes }
      rest = rest.dropFirst(sequence.bytes.count)
    }
    return shown + rest
  }

  private static let escape: UInt8 = 0x1B
  private static let enquiry: UInt8 = 0x05
}

/// One control sequence, ECMA-48's, from its ESC to its end.
private struct ControlSequence {
  let bytes: ArraySlice<UInt8>

  /// The sequence at the beginning of `text`; nil when it is none, or has not ended.
  init?(_ text: ArraySlice<UInt8>) {
    guard let kind = text.dropFirst().first else { return nil }
    let body = text.dropFirst(2)
    let end: ArraySlice<UInt8>.Index?
    switch kind {
    case UInt8(ascii: "["): end = body.firstIndex { !(0x20...0x3F).contains($0) }
    case UInt8(ascii: "]"), UInt8(ascii: "P"), UInt8(ascii: "_"), UInt8(ascii: "^"), UInt8(ascii: "X"):
      end = Self.endOfString(body)
    case 0x20...0x2F: end = body.firstIndex { !(0x20...0x2F).contains($0) }
    default: end = text.index(after: text.startIndex)
    }
    guard let end else { return nil }
    bytes = text[...end]
  }

  /// A string of control ends with BEL, or with ESC and a backslash.
  private static func endOfString(_ body: ArraySlice<UInt8>) -> ArraySlice<UInt8>.Index? {
    guard let end = body.firstIndex(where: { $0 == 0x07 || $0 == 0x1B }) else { return nil }
    guard body[end] == 0x1B else { return end }
    let next = body.index(after: end)
    return next < body.endIndex ? next : nil
  }

  /// Whether the terminal would answer.
  var asks: Bool {
    let kind = bytes.dropFirst().first
    let body = bytes.dropFirst(2)
    return switch kind {
    case UInt8(ascii: "Z"): true
    case UInt8(ascii: "["): Self.controlAsks(body)
    case UInt8(ascii: "]"): body.contains(UInt8(ascii: "?"))
    case UInt8(ascii: "P"): body.starts(with: Array("+q".utf8)) || body.starts(with: Array("$q".utf8))
    case UInt8(ascii: "_"): String(decoding: body, as: UTF8.self).contains("a=q")
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
