// The configuration file against a reader of bytes that has never heard of characters.

import IPCKit
import WindowProtocol

@testable import WindowService

@Sendable func fuzzConfiguration(_ input: inout Input) throws {
  let isMessage = input.choice(4) == 0
  let text = String(decoding: input.rest(), as: UTF8.self)
  if isMessage { message(text) } else { file(text) }
}

private struct Pair: Equatable {
  let key: [UInt8]
  let value: [UInt8]

  init(_ key: some Sequence<UInt8>, _ value: some Sequence<UInt8>) {
    (self.key, self.value) = (Array(key), Array(value))
  }

  init(_ setting: Setting) { self.init(setting.key.utf8, setting.value.utf8) }
}

private func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
  let isSpace: (UInt8) -> Bool = { [32, 9, 13].contains($0) }
  let rest = bytes.drop(while: isSpace)
  return rest[..<(rest.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? rest.startIndex)]
}

/// Nil where there is none.
private func pair(_ bytes: ArraySlice<UInt8>) -> Pair? {
  guard let sign = bytes.firstIndex(of: UInt8(ascii: "=")) else { return nil }
  let found = Pair(trimmed(bytes[..<sign]), trimmed(bytes[(sign + 1)...]))
  return found.key.isEmpty ? nil : found
}

private func isAllowed(_ pair: Pair) -> Bool {
  let value = String(decoding: pair.value, as: UTF8.self)
  let ranges = [
    "scrollback": 4096...16_777_216, "max-windows": 1...100_000, "hang-up-grace": 0...3600, "start-timeout": 1...3600,
  ]
  switch String(decoding: pair.key, as: UTF8.self) {
  case "size":
    let parts = value.split(separator: "x", omittingEmptySubsequences: false).map { UInt16($0) ?? 0 }
    return parts.count == 2 && parts[0] > 0 && parts[1] > 0
  case let key: return ranges[key].map { range in Int(value).map { range.contains($0) } ?? false } ?? true
  }
}

private func file(_ text: String) {
  var (expected, wrong): ([Pair], Int?) = ([], nil)
  for (index, line) in Array(text.utf8).split(separator: 10, omittingEmptySubsequences: false).enumerated() {
    let content = trimmed(line)
    if content.isEmpty || content.first == UInt8(ascii: "#") { continue }
    guard let pair = pair(content), isAllowed(pair) else {
      wrong = index + 1
      break
    }
    expected.append(pair)
  }
  do throws(ConfigurationError) {
    let settings = try Configuration.parse(text)
    expect(wrong == nil, "line \(wrong ?? 0) was taken of \(text.debugDescription)")
    expectEqual(settings.map(Pair.init), expected, "the settings of \(text.debugDescription)")
    shown(settings)
  } catch {
    guard let wrong else { fail("\(error) in \(text.debugDescription)") }
    expect(error.description.hasPrefix("line \(wrong): "), "\(error), but line \(wrong) is wrong")
  }
}

/// What holds is given back under the keys that change it.
private func shown(_ settings: [Setting]) {
  var all = Settings()
  guard (try? all.setFile(settings)) != nil, let line = try? WireFormat.line(all.effective),
    let object = try? WireFormat.decode([String: AnyScalar].self, from: line)
  else { fail("settings that hold are not shown: \(settings)") }
  for setting in settings { expect(object[setting.key] != nil, "\(setting.key.debugDescription) is not shown") }
}

private enum AnyScalar: Decodable {
  case text(String)
  case number(Int)

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Int.self) {
      self = .number(number)
    } else {
      self = .text(try container.decode(String.self))
    }
  }
}

private func message(_ text: String) {
  let expected = pair(Array(text.utf8)[...])
  guard let setting = try? Setting(text) else { return expect(expected == nil, "\(text.debugDescription) is refused") }
  expectEqual(Pair(setting), expected, "the setting \(text.debugDescription)")
  var all = Settings()
  let isTaken = (try? all.change([text], reset: false)) != nil
  let size = setting.key.utf8.count + setting.value.utf8.count
  expectEqual(isTaken, isAllowed(Pair(setting)) && size <= 65_536, "whether \(text.debugDescription) is taken")
  guard let again = try? Setting(setting.text) else {
    fail("\(setting.text.debugDescription) is refused when read again")
  }
  expectEqual(Pair(again), Pair(setting), "what is written of \(text.debugDescription)")
}
