// The reader against a model that cannot be wrong: an array and an index. Chunks, limits, sizes and questions by chance.

import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct BufferedReaderRandomTests {
  /// What a question to the reader may end in.
  private enum Answer: Equatable, CustomStringConvertible {
    case bytes([UInt8])
    case end
    case notYet
    case tooLong
    case cutOff(received: Int)

    var description: String {
      switch self {
      case .bytes(let bytes): "bytes \(bytes)"
      case .end: "end"
      case .notYet: "not yet"
      case .tooLong: "too long"
      case .cutOff(let received): "cut off after \(received)"
      }
    }
  }

  private enum Question {
    case ending(UInt8)
    case exactly(Int)
  }

  /// The stream as it is known so far, and how it must be read.
  private struct Model {
    let limit: Int
    var written: [UInt8] = []
    var hasEnded = false
    var position = 0

    mutating func answer(_ question: Question) -> Answer {
      let rest = written[position...]
      switch question {
      case .ending(let delimiter):
        let length = rest.firstIndex(of: delimiter).map { $0 - position }
        if (length ?? rest.count) > limit { return .tooLong }
        if let length { return take(length, and: 1) }
        return !hasEnded ? .notYet : rest.isEmpty ? .end : take(rest.count, and: 0)
      case .exactly(let count):
        if count > limit { return .tooLong }
        if count <= rest.count { return take(count, and: 0) }
        return !hasEnded ? .notYet : rest.isEmpty ? .end : .cutOff(received: rest.count)
      }
    }

    private mutating func take(_ count: Int, and delimiter: Int) -> Answer {
      defer { position += count + delimiter }
      return .bytes(Array(written[position..<position + count]))
    }
  }

  @Test(arguments: 0..<8) func answersAsTheModelDoes(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    for round in 0..<500 {
      let wrong = try firstDifference(&generator)
      try #require(wrong == nil, "seed \(seed) round \(round)")
    }
  }

  /// One stream, from its first byte to its end.
  private func firstDifference(_ generator: inout SeededGenerator) throws -> String? {
    let limit = Int.random(in: 1...40, using: &generator)
    let capacity = Int.random(in: 1...50, using: &generator)
    let pipe = try Pipe(nonBlocking: Bool.random(using: &generator))
    var writing = Optional(pipe.writing)
    var reader = BufferedReader(pipe.reading, limit: limit, capacity: capacity)
    var model = Model(limit: limit)
    var chunks = Int.random(in: 0...12, using: &generator)
    while true {
      let question: Question
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: question = .exactly(Int.random(in: 0...min(limit + 1, 12), using: &generator))
      case 1: question = .ending(0)
      default: question = .ending(UInt8(ascii: "\n"))
      }
      let expected = model.answer(question)
      let found = try ask(&reader, question, model)
      guard found == expected else { return "\(question) of \(model): \(found) instead of \(expected)" }
      switch expected {
      case .end: return nil
      case .bytes: continue
      case .cutOff(let rest): _ = try ask(&reader, .exactly(rest), model) == model.answer(.exactly(rest))
      case .tooLong:
        let some = min(limit, model.written.count - model.position)
        _ = try ask(&reader, .exactly(some), model) == model.answer(.exactly(some))
      case .notYet where chunks > 0:
        chunks -= 1
        let alphabet = [0, 10, 10, 97, 98, 99, 100, 101, 255] as [UInt8]
        let chunk = (0..<Int.random(in: 1...30, using: &generator)).map { _ in
          alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
        }
        // Bytes seen as raw bytes.
        try unsafe writing?.writeAll(chunk.span.bytes)
        model.written += chunk
      case .notYet:
        try writing.take()?.close()
        model.hasEnded = true
      }
    }
  }

  private func ask(_ reader: inout BufferedReader, _ question: Question, _ model: Model) throws -> Answer {
    // A child that another test starts right now may hold a copy of the writing end until it executes its program.
    let deadline = Deadline.after(model.hasEnded ? .seconds(60) : .zero)
    do throws(IPCError) {
      switch question {
      case .ending(let delimiter): return answer(try reader.next(endingWith: delimiter, deadline: deadline))
      case .exactly(let count): return answer(try reader.next(exactly: count, deadline: deadline))
      }
    } catch {
      switch error {
      case .deadlineExceeded: return .notYet
      case .peer(.frameTooLong): return .tooLong
      case .peer(.frameCutOff(_, let received)): return .cutOff(received: received)
      default: throw error
      }
    }
  }

  private func answer(_ view: RawSpan?) -> Answer {
    guard let view else { return .end }
    // The view is valid here, and the array copies it.
    return unsafe .bytes(view.withUnsafeBytes { unsafe [UInt8]($0) })
  }
}
