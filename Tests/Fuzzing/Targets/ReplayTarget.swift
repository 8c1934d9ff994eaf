// Output that is shown again, before and after, as a terminal reads it: what would make it answer is gone, and all else is
// there in its order.

@testable import WindowService

@Sendable func fuzzReplay(_ input: inout Input) throws {
  let (columns, rows) = (input.choice(20), input.choice(8))
  let bytes = input.rest()
  let shown = Replay.of(bytes, isCutOff: false)
  expectEqual(Screen.read(shown), Screen.read(bytes).filter { !$0.asks }, "\(bytes) shown again as \(shown)")
  let screenful = Replay.screenful(of: bytes, columns: columns, rows: rows)
  expect(!Screen.read(screenful).contains { $0.asks }, "\(bytes) asks in its screenful \(screenful)")
  expect(screenful.filter { $0 == 10 }.count < max(1, rows), "\(screenful) is more than \(rows) lines")
}

/// What a terminal makes of bytes.
private enum Event: Equatable {
  case text(UInt8)
  case escape([UInt8])
  case control([UInt8])
  case string(UInt8, [UInt8])
  /// Not ended yet.
  case rest([UInt8])

  var asks: Bool {
    switch self {
    case .text(let byte): byte == 5
    case .escape(let bytes): bytes == Array("Z".utf8)
    case .control(let bytes): Self.asks(bytes)
    case .string(UInt8(ascii: "]"), let text): text.contains(UInt8(ascii: "?"))
    case .string(UInt8(ascii: "P"), let text): Self.requestsStatus(Self.printed(text))
    case .string(UInt8(ascii: "_"), let text): Self.printed(text).contains("a=q".utf8)
    case .string, .rest: false
    }
  }

  /// What is not control characters: whoever leaves them out may not find a question either.
  private static func printed(_ text: [UInt8]) -> [UInt8] { text.filter { $0 >= 0x20 } }

  private static func requestsStatus(_ text: [UInt8]) -> Bool {
    let kind = text.drop { UInt8(ascii: "0")...UInt8(ascii: "?") ~= $0 }.prefix(2)
    return kind.elementsEqual("+q".utf8) || kind.elementsEqual("$q".utf8)
  }

  private static func asks(_ bytes: [UInt8]) -> Bool {
    let text = String(decoding: bytes.dropLast(), as: UTF8.self)
    switch bytes.last.map({ Character(UnicodeScalar($0)) }) {
    case "c", "n", "x", "y": return true
    case "t": return Int(text.prefix { $0 != ";" }).map { (11...21).contains($0) } ?? false
    case "p": return text.contains("$")
    case "q": return text.first == ">"
    case "u", "S", "m": return text.first == "?"
    default: return false
    }
  }
}

/// A terminal's parser, of bytes below 0x80 alone: controls take effect in the midst of a sequence, an escape begins
/// another one, CAN and SUB end it.
private struct Screen {
  private enum State { case ground, escape, control, string(UInt8) }
  private var state = State.ground
  private var held: [UInt8] = []
  private var events: [Event] = []

  static func read(_ bytes: [UInt8]) -> [Event] {
    var screen = Screen()
    for byte in bytes { screen.take(byte) }
    return screen.events + (screen.held.isEmpty ? [] : [.rest(screen.held)])
  }

  private mutating func take(_ byte: UInt8) {
    if case .string(let kind) = state { return take(byte, inString: kind) }
    switch byte {
    case 0x1B: begin()
    case 0x18, 0x1A: end(.text(byte))
    case 0..<0x20: events.append(.text(byte))
    default:
      switch state {
      case .escape: takeInEscape(byte)
      case .control: takeInControl(byte)
      default: events.append(.text(byte))
      }
    }
  }

  /// What another one cuts off has no effect.
  private mutating func begin() { (state, held) = (.escape, [0x1B]) }

  private mutating func end(_ event: Event) {
    events.append(event)
    (state, held) = (.ground, [])
  }

  private mutating func takeInEscape(_ byte: UInt8) {
    held.append(byte)
    switch byte {
    case 0x20...0x2F: break
    case UInt8(ascii: "[") where held.count == 2: state = .control
    case _ where held.count == 2 && "]P_^X".utf8.contains(byte): state = .string(byte)
    default: end(.escape(Array(held.dropFirst())))
    }
  }

  private mutating func takeInControl(_ byte: UInt8) {
    held.append(byte)
    if !(0x20...0x3F).contains(byte) { end(.control(Array(held.dropFirst(2)))) }
  }

  private mutating func take(_ byte: UInt8, inString kind: UInt8) {
    // The escape may be the first half of the end, or the beginning of another sequence.
    if held.last == 0x1B, held.count > 2 {
      let text = Array(held.dropFirst(2).dropLast())
      if byte == UInt8(ascii: "\\") { return end(.string(kind, text)) }
      begin()
      return take(byte)
    }
    switch byte {
    case 0x07: end(.string(kind, Array(held.dropFirst(2))))
    case 0x18, 0x1A: end(.text(byte))
    case 0x05: break
    default: held.append(byte)
    }
  }
}
