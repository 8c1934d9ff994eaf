// The attribution against a model that cannot be wrong: each frame's own list, kept beside what is sent. Frames, buffers,
// numbers of descriptors and the moments at which is read by chance.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct FrameDescriptorsRandomTests {
  /// A frame and what it carries.
  private struct Frame: Equatable, CustomStringConvertible {
    var content: String
    var names: [String]
    var description: String { "\(content.utf8.count) bytes with \(names)" }
  }

  @Test(arguments: 0..<8) func everyFrameHasItsOwn(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let stock = try Freight(8)
    for round in 0..<150 {
      let wrong = try firstDifference(stock, &generator)
      try #require(wrong == nil, "seed \(seed) round \(round)")
    }
  }

  /// One stream, from its first frame to its end.
  private func firstDifference(_ stock: Freight, _ generator: inout SeededGenerator) throws -> String? {
    let pair = try socketPair()
    let framing = Bool.random(using: &generator) ? Framing.line : .lengthPrefixed(by: 2, .bigEndian)
    let capacity = Int.random(in: 1...60, using: &generator)
    var reader = BufferedReader(pair.right, limit: 4096, capacity: capacity, descriptorLimit: 3)
    var unread: [Frame] = []
    for _ in 0..<Int.random(in: 1...25, using: &generator) {
      unread.append(try send(stock, framing, over: pair.left, &generator))
      guard Bool.random(using: &generator) else { continue }
      // Some of what is there, or all.
      for _ in 0..<Int.random(in: 0...unread.count, using: &generator) {
        if let wrong = try difference(&reader, framing, unread.removeFirst()) { return wrong }
      }
    }
    try pair.left.shutdownSending()
    for frame in unread { if let wrong = try difference(&reader, framing, frame) { return wrong } }
    return try reader.nextFrame(framing, deadline: .after(.seconds(60))) == nil ? nil : "no end"
  }

  /// Sends a frame: with its descriptors in one piece, without any in pieces.
  private func send(
    _ stock: Freight, _ framing: Framing, over socket: borrowing FileDescriptor, _ generator: inout SeededGenerator
  ) throws -> Frame {
    let length =
      Int.random(in: 0...9, using: &generator) == 0
      ? Int.random(in: 0...2000, using: &generator) : Int.random(in: 0...40, using: &generator)
    let content = String(decoding: generator.bytes(length).map { 97 + $0 % 26 }, as: UTF8.self)
    var message = Array(content.utf8)
    if framing == .line { message.append(10) } else { message = [UInt8(length >> 8), UInt8(length & 255)] + message }
    var list = DescriptorList()
    for _ in 0..<max(0, Int.random(in: -2...3, using: &generator)) {
      list.append(try stock.descriptors[Int.random(in: 0..<8, using: &generator)].duplicate())
    }
    let names = names(of: list)
    var rest = message[...]
    while !rest.isEmpty {
      let count = list.isEmpty ? Int.random(in: 1...rest.count, using: &generator) : rest.count
      let part = Array(rest.prefix(count))
      // Bytes seen as raw bytes.
      try unsafe socket.send(part.span.bytes, lending: list, deadline: .after(.seconds(60)))
      rest = rest.dropFirst(count)
    }
    return Frame(content: content, names: names)
  }

  private func difference(_ reader: inout BufferedReader, _ framing: Framing, _ expected: Frame) throws -> String? {
    let content = text(try reader.nextFrame(framing, deadline: .after(.seconds(60)))) ?? "no frame"
    let found = Frame(content: content, names: names(of: reader.takeDescriptors()))
    return found == expected ? nil : "\(found) instead of \(expected)"
  }
}
