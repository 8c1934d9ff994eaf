// The reader of frames against a model that is an array and an index: chunks, questions, limits and sizes by the input.

import Glibc
import IPCKit

/// A way to cut a stream, as the model and as the library say it.
enum Cut: CaseIterable {
  case line, nul, letter, raw, one, twoBig, twoLittle, fourBig, fourLittle, eightBig, eightLittle

  var framing: Framing {
    switch self {
    case .line: .line
    case .nul: .delimited(by: 0)
    case .letter: .delimited(by: 0x61)
    case .raw: .raw
    case .one: .lengthPrefixed(by: 1, .bigEndian)
    case .twoBig: .lengthPrefixed(by: 2, .bigEndian)
    case .twoLittle: .lengthPrefixed(by: 2, .littleEndian)
    case .fourBig: .lengthPrefixed(by: 4, .bigEndian)
    case .fourLittle: .lengthPrefixed(by: 4, .littleEndian)
    case .eightBig: .lengthPrefixed(by: 8, .bigEndian)
    case .eightLittle: .lengthPrefixed(by: 8, .littleEndian)
    }
  }

  var delimiter: UInt8? { [.line: 10, .nul: 0, .letter: 0x61][self] }

  /// How many bytes a length has; nil where there is none.
  var width: Int? {
    switch self {
    case .line, .nul, .letter, .raw: nil
    case .one: 1
    case .twoBig, .twoLittle: 2
    case .fourBig, .fourLittle: 4
    case .eightBig, .eightLittle: 8
    }
  }

  private var isLittle: Bool { [.twoLittle, .fourLittle, .eightLittle].contains(self) }

  /// What a length promises, as far as an integer can say it.
  func promise(_ prefix: some BidirectionalCollection<UInt8>) -> Int {
    let digits = isLittle ? Array(prefix.reversed()) : Array(prefix)
    return Int(clamping: digits.reduce(UInt64(0)) { $0 * 256 + UInt64($1) })
  }
}

/// What a question ends in.
enum Answer: Equatable {
  case bytes([UInt8])
  case end
  case notYet
  /// A length is told as it is; what has no end yet, as far as it has come.
  case tooLong(ClosedRange<Int>)
  case cutOff(expected: Int, received: Int)
  /// As much as has come, but one byte at the least.
  case some([UInt8])
}

enum Question {
  case frame(Cut)
  case exactly(Int)
}

/// The stream as far as it has been written, and how it must be read.
struct StreamModel {
  let limit: Int
  var written: [UInt8] = []
  var hasEnded = false
  var position = 0

  var rest: ArraySlice<UInt8> { written[position...] }

  mutating func answer(_ question: Question) -> Answer {
    switch question {
    case .exactly(let count):
      if count > limit { return .tooLong(count...count) }
      if count <= rest.count { return take(0, count, 0) }
      return ended ?? .cutOff(expected: count, received: rest.count)
    case .frame(let cut):
      if let delimiter = cut.delimiter { return delimited(by: delimiter) }
      if let width = cut.width { return prefixed(by: width, cut) }
      return rest.isEmpty ? (ended ?? .end) : .some(Array(rest.prefix(limit)))
    }
  }

  private var ended: Answer? { !hasEnded ? .notYet : rest.isEmpty ? .end : nil }

  private mutating func delimited(by delimiter: UInt8) -> Answer {
    let length = rest.firstIndex(of: delimiter).map { $0 - position }
    if (length ?? rest.count) > limit { return .tooLong(limit + 1...(length ?? rest.count)) }
    if let length { return take(0, length, 1) }
    return ended ?? take(0, rest.count, 0)
  }

  private mutating func prefixed(by width: Int, _ cut: Cut) -> Answer {
    guard rest.count >= width else { return ended ?? .cutOff(expected: width, received: rest.count) }
    let promise = cut.promise(rest.prefix(width))
    if promise > limit { return .tooLong(promise...promise) }
    if rest.count - width >= promise { return take(width, promise, 0) }
    return !hasEnded ? .notYet : .cutOff(expected: promise, received: rest.count - width)
  }

  private mutating func take(_ before: Int, _ count: Int, _ after: Int) -> Answer {
    defer { position += before + count + after }
    return .bytes(Array(rest.dropFirst(before).prefix(count)))
  }
}

@Sendable func fuzzFraming(_ input: inout Input) throws {
  let limit = input.choice(40) + 1
  let capacity = input.choice(50) + 1
  let mainCut = Cut.allCases[input.choice(Cut.allCases.count)]
  let pair = try SocketPair(nonBlocking: input.choice())
  var writing = Optional(pair.left)
  var reader = BufferedReader(pair.right, limit: limit, capacity: capacity, descriptorLimit: input.choice(2))
  var model = StreamModel(limit: limit)
  while true {
    // What is left at the end is frames.
    let kind = input.isEmpty ? 2 : input.choice(8)
    let question: Question =
      switch kind {
      case 0: .exactly(input.choice(min(limit + 2, 12)))
      case 1: .frame(Cut.allCases[input.choice(Cut.allCases.count)])
      default: .frame(mainCut)
      }
    if kind == 7, input.choice(8) == 7 { return try detach(reader, model) }
    switch try compare(&reader, question, &model) {
    case .end:
      guard model.hasEnded, model.rest.isEmpty else { fail("an end before the end") }
      return
    case .bytes, .some: continue
    // The reader is where it was: what is there can be read in pieces.
    case .tooLong: _ = try compare(&reader, .exactly(min(limit, model.rest.count)), &model)
    case .cutOff: _ = try compare(&reader, .exactly(min(limit, model.rest.count)), &model)
    case .notYet:
      let chunk = input.take(input.choice(24) + 1)
      if chunk.isEmpty {
        try writing.take()?.close()
        model.hasEnded = true
      } else {
        try writing?.writeAll(chunk)
        model.written += chunk
      }
    }
  }
}

/// Asks both.
private func compare(
  _ reader: inout BufferedReader, _ question: Question, _ model: inout StreamModel
) throws -> Answer {
  let before = model
  let expected = model.answer(question)
  let found = try ask(&reader, question, Deadline.after(model.hasEnded ? .seconds(20) : .zero))
  switch (expected, found) {
  case (.tooLong(let range), .tooLong(let told)) where range.contains(told.lowerBound): break
  case (.some(let most), .bytes(let bytes)) where !bytes.isEmpty && most.starts(with: bytes):
    model.position += bytes.count
  case (let expected, let found) where expected == found: break
  default: fail("\(question) of \(before): \(found) instead of \(expected)")
  }
  return expected
}

private func ask(_ reader: inout BufferedReader, _ question: Question, _ deadline: Deadline) throws -> Answer {
  do throws(IPCError) {
    switch question {
    case .exactly(let count): return answer(try reader.next(exactly: count, deadline: deadline))
    case .frame(let cut): return answer(try reader.nextFrame(cut.framing, deadline: deadline))
    }
  } catch {
    switch error {
    case .deadlineExceeded: return .notYet
    case .peer(.frameTooLong(_, let received)): return .tooLong(received...received)
    case .peer(.frameCutOff(let expected, let received)): return .cutOff(expected: expected, received: received)
    default: fail("\(question): \(error)")
    }
  }
}

private func answer(_ view: RawSpan?) -> Answer {
  guard let view else { return .end }
  return .bytes([UInt8](copying: view))
}

/// Nothing is lost between the reader and its descriptor.
private func detach(_ reader: consuming BufferedReader, _ model: StreamModel) throws {
  let detached = reader.detach()
  var bytes = detached.unread
  var buffer = [UInt8](repeating: 0, count: 4096)
  try detached.descriptor.setNonBlocking(true)
  while true {
    var span = buffer.mutableSpan
    // Bytes seen as raw bytes: nothing is reinterpreted.
    var raw = unsafe span.mutableBytes
    guard let count = try? detached.descriptor.read(into: &raw), count > 0 else { break }
    bytes += buffer[..<count]
  }
  expectEqual(bytes, Array(model.rest), "what is left after the reader")
}
