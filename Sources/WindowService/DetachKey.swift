// The key that detaches, as terminals send it: a control character, or the sequence for it where the program in the window
// has asked for keys that are told apart.

/// The key that ends a visit.
struct DetachKey {
  /// The control character that it sends by itself.
  let byte: UInt8

  /// Where it was typed first; nil when it was not.
  func firstRange(in typed: ArraySlice<UInt8>) -> Range<Int>? {
    for start in typed.indices {
      if typed[start] == byte { return start..<start + 1 }
      if let sequence = KeySequence(typed[start...]), isTyped(by: sequence) { return start..<sequence.end }
    }
    return nil
  }

  /// The end of what was typed that may be the beginning of a key's sequence; empty when there is none.
  static func unfinished(in typed: ArraySlice<UInt8>) -> [UInt8] {
    guard let start = typed.lastIndex(of: 0x1B) else { return [] }
    let sequence = typed[start...]
    let isBeginning =
      sequence.count == 1
      || sequence.starts(with: [0x1B, 0x5B]) && sequence.dropFirst(2).allSatisfy { KeySequence.parameters.contains($0) }
    return isBeginning && sequence.count <= KeySequence.longest ? Array(sequence) : []
  }

  private func isTyped(by sequence: KeySequence) -> Bool {
    // Bits, counted from 1: Shift is needed on some keyboards, Caps Lock and Num Lock on all now and then.
    let (control, ignored) = (4, 1 | 64 | 128)
    let modifiers = sequence.modifiers - 1
    return modifiers >= 0 && modifiers & ~ignored == control && !sequence.isRelease
      && sequence.codes.contains { codes.contains($0) }
  }

  /// The characters on the key, whichever of them a terminal names.
  private var codes: [Int] {
    switch byte {
    case 0: [0x40, 0x20]
    case 1...26: [Int(byte) + 0x60, Int(byte) + 0x40]
    default: [Int(byte) + 0x40]
    }
  }
}

/// A key with its modifiers, in either of the two ways of saying so: `CSI code:alternates ; modifiers:event u`, as kitty's
/// keyboard protocol has it, and `CSI 27 ; modifiers ; code ~`, xterm's modifyOtherKeys.
private struct KeySequence {
  let codes: [Int]
  let modifiers: Int
  let isRelease: Bool
  /// The index behind it.
  let end: Int

  /// Digits, colons and semicolons.
  static let parameters: ClosedRange<UInt8> = 0x30...0x3B
  /// None that a terminal sends is longer.
  static let longest = 64

  /// The sequence that bytes begin with, if it is whole.
  init?(_ bytes: ArraySlice<UInt8>) {
    guard bytes.starts(with: [0x1B, 0x5B]) else { return nil }
    let inside = bytes.dropFirst(2).prefix { Self.parameters.contains($0) }
    guard inside.endIndex < bytes.endIndex else { return nil }
    let parameters = inside.split(separator: 0x3B, omittingEmptySubsequences: false).map { parameter in
      parameter.split(separator: 0x3A, omittingEmptySubsequences: false).map { Self.number($0) }
    }
    end = inside.endIndex + 1
    switch bytes[inside.endIndex] {
    case UInt8(ascii: "u") where parameters.count >= 2:
      codes = parameters[0]
      modifiers = parameters[1][0]
      isRelease = parameters[1].count > 1 && parameters[1][1] == 3
    case UInt8(ascii: "~") where parameters.count == 3 && parameters[0] == [27]:
      codes = parameters[2]
      modifiers = parameters[1][0]
      isRelease = false
    default: return nil
    }
  }

  /// What digits say; 0 for none, or too many.
  private static func number(_ digits: ArraySlice<UInt8>) -> Int {
    digits.count > 7 ? 0 : digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }
}
