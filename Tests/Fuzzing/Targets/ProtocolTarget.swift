// The messages between windowctl and windowd, both ways: what is understood is written as it was understood, and whatever is
// told of it to a person can be told.

import IPCKit
import TerminalText
import WindowProtocol

@testable import WindowService

@Sendable func fuzzProtocol(_ input: inout Input) throws {
  // The last byte chooses, so that a text is a request as it stands: a brace, a newline.
  let kind = input.choice(256)
  let line = input.rest()
  switch kind {
  case 1: sameAgain(Reply.Done.self, line)
  case 2: sameAgain(Reply.Created.self, line)
  case 3: sameAgain(Reply.Windows.self, line)
  case 4: sameAgain(Reply.Shown.self, line)
  case 5: sameAgain(Reply.Ended.self, line) { tell($0.exit) }
  case 6: sameAgain(Reply.Status.self, line)
  case 7: sameAgain(Reply.Failure.self, line) { expect($0.error.message == $0.error.message, "a message") }
  case 8: sameAgain(Reply.Attached.self, line)
  case 9: sameAgain(Reply.AttachmentEnd.self, line) { if let exit = $0.exit { tell(exit) } }
  case 14: sameAgain(AttachRequest.self, line)
  case 11: key(String(decoding: line, as: UTF8.self))
  case 12: harmless(line)
  case 0x7D: request(line + [UInt8(ascii: "}")])
  default: request(line)
  }
}

/// What is read is what is written of it, and its bytes are the same from then on.
private func sameAgain<Value: Codable & Hashable>(
  _ type: Value.Type, _ line: [UInt8], _ look: (Value) -> Void = { _ in }
) {
  guard let value = try? WireFormat.decode(type, from: line) else { return }
  look(value)
  guard let written = try? WireFormat.line(value) else { fail("\(value) cannot be written") }
  expect(written.last == 10 && written.dropLast().allSatisfy { $0 >= 0x20 }, "\(written) is not a line")
  guard let again = try? WireFormat.decode(type, from: written.dropLast()) else {
    fail("\(String(decoding: written, as: UTF8.self)) cannot be read again")
  }
  expectEqual(again, value, "what was written and read")
  expectEqual(try? WireFormat.line(again), written, "what was written twice")
}

private func tell(_ exit: ChildExit) {
  expect(!exit.description.isEmpty, "nothing is told of \(exit)")
  let status = exit.shellStatus
  if let known = exit.status { expectEqual(status, known, "the shell's status") }
  expectEqual(ChildExit(exit.exitStatus).exitStatus, exit.exitStatus, "how the library tells it")
}

private func request(_ line: [UInt8]) {
  let message = Message(line)
  switch message.content {
  case .success(let request):
    expect(!line.contains(0), "a NUL was taken for text")
    expect(request.texts.allSatisfy { !$0.utf8.contains(0) }, "a text with a NUL was taken")
    expectEqual(message.isAlacritty, request.isAlacritty, "whether it is Alacritty's")
    sameAgain(Request.self, line)
  case .failure(let refusal):
    guard let reply = try? WireFormat.line(refusal) else { fail("\(refusal) cannot be written") }
    expectEqual(try? WireFormat.decode(Reply.Failure.self, from: reply.dropLast()), refusal, "the refusal")
    if refusal.error.code == .invalidValue {
      expect(String(decoding: line, as: UTF8.self).contains("\\u0000"), "\(refusal) of a message without a NUL")
    }
  }
}

private func key(_ text: String) {
  guard let key = ControlKey(text) else {
    return expect(text.utf8.count != 2 || text.utf8.first != 94 || !isLetter(text.utf8.last), "\(text) is no key")
  }
  expect(key.byte < 32, "\(text) is \(key.byte)")
  expectEqual(text.uppercased().utf8.last, key.byte + 64, "the letter of \(text)")
}

private func isLetter(_ byte: UInt8?) -> Bool {
  byte.map { (0x40...0x5F).contains($0) || (0x61...0x7A).contains($0) } ?? false
}

/// What a stranger has written, on a terminal.
private func harmless(_ bytes: [UInt8]) {
  let text = String(decoding: bytes, as: UTF8.self)
  let shown = DisplayText.escaped(text) + DisplayText.escapedJSON(bytes.filter { $0 >= 0x20 })
  let lines = DisplayText.escapedLines(bytes)
  for scalar in (shown + lines.filter { $0 != "\n" && $0 != "\t" }).unicodeScalars {
    let category = scalar.properties.generalCategory
    expect(category != .control, "U+\(String(scalar.value, radix: 16)) of \(bytes) is obeyed")
    expect(!(0x202A...0x202E).contains(scalar.value) && !(0x2066...0x2069).contains(scalar.value), "turned: \(bytes)")
  }
  if text.unicodeScalars.allSatisfy({ (0x20..<0x7F).contains($0.value) }) {
    expectEqual(DisplayText.escaped(text), text, "what is harmless")
  }
}
