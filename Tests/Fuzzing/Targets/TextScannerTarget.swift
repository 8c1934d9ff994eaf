// The scanner of the kernel's texts against the plainest model of it: lines and fields as arrays.

import IPCKit

@Sendable func fuzzTextScanner(_ input: inout Input) throws {
  let isOneLine = input.choice(8) == 0
  let steps = (0..<input.choice(24)).map { _ in input.choice(16) }
  let bytes = input.rest()
  var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
  if isOneLine { lines = [bytes[...]] } else if lines.last?.isEmpty == true { lines.removeLast() }
  var scanner = isOneLine ? TextScanner(line: bytes.span) : TextScanner(bytes.span)
  for (index, line) in lines.enumerated() {
    if !isOneLine { expect(scanner.nextLine(), "no line \(index) in \(bytes)") }
    var model = LineModel(rest: line)
    for step in steps { compare(step, &scanner, &model) }
    expectEqual(scanner.rest(), String(decoding: model.rest, as: UTF8.self), "the rest of \(Array(line))")
  }
  expect(!scanner.nextLine(), "a line after the last of \(bytes)")
}

private func compare(_ step: Int, _ scanner: inout TextScanner, _ model: inout LineModel) {
  let before = Array(model.rest)
  let same =
    switch step {
    case 0: scanner.first == model.rest.first
    case 1: scanner.isAtEnd == model.rest.isEmpty
    case 2: scanner.skip("flags:") == model.skip("flags:")
    case 3: scanner.skip(":[") == model.skip(":[")
    case 4: scanner.skip(through: " ino:") == model.skip(through: " ino:")
    case 5: scanner.skip(through: ":") == model.skip(through: ":")
    case 6: scanner.skip(words: 1) == model.skip(words: 1)
    case 7: scanner.skip(words: 3) == model.skip(words: 3)
    case 8, 9: scanner.number() == model.number(10)
    case 10: scanner.number(radix: 8) == model.number(8)
    case 11, 12: scanner.number(radix: 16) == model.number(16)
    default: scanner.word() == model.word()
    }
  expect(same, "step \(step) at \(before)")
  expectEqual(scanner.rest(), String(decoding: model.rest, as: UTF8.self), "after step \(step) at \(before)")
}

private struct LineModel {
  var rest: ArraySlice<UInt8>

  private mutating func passBlanks() { rest = rest.drop { $0 == 32 || $0 == 9 } }

  mutating func skip(_ text: String) -> Bool {
    guard rest.starts(with: text.utf8) else { return false }
    rest = rest.dropFirst(text.utf8.count)
    return true
  }

  mutating func skip(through text: String) -> Bool {
    guard let place = rest.indices.first(where: { rest[$0...].starts(with: text.utf8) }) else { return false }
    rest = rest[(place + text.utf8.count)...]
    return true
  }

  mutating func skip(words count: Int) -> Bool { (0..<count).allSatisfy { _ in word() != nil } }

  mutating func word() -> String? {
    passBlanks()
    let found = rest.prefix { $0 != 32 && $0 != 9 }
    rest = rest.dropFirst(found.count)
    return found.isEmpty ? nil : String(decoding: found, as: UTF8.self)
  }

  mutating func number(_ radix: Int) -> UInt64? {
    passBlanks()
    let digits = rest.prefix { byte in
      UInt32(byte) < 128 && Character(UnicodeScalar(byte)).hexDigitValue.map { $0 < radix } ?? false
    }
    guard let value = UInt64(String(decoding: digits, as: UTF8.self), radix: radix) else { return nil }
    rest = rest.dropFirst(digits.count)
    return value
  }
}
