// The key that detaches, in every way in which terminals send it.

import IPCKitTesting
import Testing

@testable import WindowService

@Suite(.leakFree) struct DetachKeyTests {
  private func range(of key: UInt8, in typed: String) -> Range<Int>? {
    DetachKey(byte: key).firstRange(in: Array(typed.utf8)[...])
  }

  @Test func controlCharacterIsFoundWhereItIsTypedFirst() {
    #expect(range(of: 0x1C, in: "ab\u{1C}c\u{1C}") == 2..<3)
    #expect(range(of: 0x1C, in: "ab\u{1D}c") == nil)
    #expect(range(of: 0x1C, in: "") == nil)
  }

  /// `^\` in kitty's protocol and in xterm's, with locks, Shift, alternates, an event and a text.
  @Test(arguments: [
    "[92;5u", "[92;69u", "[92;133u", "[92;197u", "[92;6u", "[92;5:1u", "[92;5:2u", "[92:124;5u", "[45::92;5u",
    "[92;5;28u", "[27;5;92~", "[27;6;92~",
  ]) func sequenceOfTheKeyIsFound(sequence: String) {
    #expect(range(of: 0x1C, in: "a\u{1B}\(sequence)b") == 1..<(2 + sequence.utf8.count))
  }

  @Test(arguments: [
    // Another key, modifiers more or fewer, the release, another function, no number.
    "[93;5u", "[92u", "[92;u", "[92;1u", "[92;7u", "[92;13u", "[92;5:3u", "[28;5;92~", "[27;5;93~", "[27;5~", "[92;5~",
    "[;5u", "[u", "[92;99999999999999999999u", "[99999999999999999999;5u", "92;5u", "[92;5", "[92;5 u", "[", "",
  ]) func whatIsNotTheKeyIsTyped(sequence: String) {
    #expect(range(of: 0x1C, in: "a\u{1B}\(sequence)") == nil)
  }

  /// Wherever a slow line cuts it.
  @Test(arguments: ["\u{1B}[92;5u", "\u{1B}[27;5;92~", "\u{1B}[92:124;5:1u"]) func keyIsTheSameInTwoReads(
    sequence: String
  ) {
    let typed = Array("a\(sequence)b".utf8)
    for cut in 2..<(typed.count - 1) {
      let begun = DetachKey.unfinished(in: typed[..<cut])
      #expect(begun == Array(typed[1..<cut]))
      #expect(DetachKey(byte: 0x1C).firstRange(in: begun + typed[cut...]) == 0..<(typed.count - 2))
    }
  }

  @Test(arguments: ["", "a", "\u{1B}[A", "\u{1B}a", "\u{1B}[92;5u", "\u{1B}[" + String(repeating: "1", count: 99)])
  func whatHasEndedIsNoBeginning(typed: String) {
    #expect(DetachKey.unfinished(in: Array(typed.utf8)[...]) == [])
  }

  @Test func lettersAreFoundWithTheirLowerAndUpperCase() {
    #expect(range(of: 0x01, in: "\u{1B}[97;5u") == 0..<7)
    #expect(range(of: 0x01, in: "\u{1B}[27;5;65~") == 0..<10)
    #expect(range(of: 0x00, in: "\u{1B}[32;5u") == 0..<7)
    #expect(range(of: 0x00, in: "\u{1B}[64;6u") == 0..<7)
  }

  @Test func positionsAreTheSlices() {
    let typed = Array("xx\u{1B}[92;5u".utf8)[1...]
    #expect(DetachKey(byte: 0x1C).firstRange(in: typed) == 2..<9)
  }
}
