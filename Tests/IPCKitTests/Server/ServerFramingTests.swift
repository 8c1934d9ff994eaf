// Frames of every kind through a server: both kinds of handler are given the same ones, and the same mistakes.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ServerFramingTests {
  /// A framing and how a peer writes it.
  struct Wire: Sendable, CustomTestStringConvertible {
    let name: String
    let framing: Framing
    let encode: @Sendable ([UInt8]) -> [UInt8]
    var testDescription: String { name }

    static func delimited(_ name: String, _ framing: Framing, by delimiter: UInt8) -> Wire {
      Wire(name: name, framing: framing) { $0 + [delimiter] }
    }

    static func prefixed(by width: Int, _ order: Framing.ByteOrder) -> Wire {
      Wire(name: "\(width) \(order)", framing: .lengthPrefixed(by: width, order)) { bytes in
        lengthBytes(bytes.count, width, order) + bytes
      }
    }

    static let all =
      [delimited("line", .line, by: 10), delimited("NUL", .delimited(by: 0), by: 0)]
      + [1, 2, 4, 8].flatMap { [prefixed(by: $0, .bigEndian), prefixed(by: $0, .littleEndian)] }
  }

  static func lengthBytes(_ length: Int, _ width: Int, _ order: Framing.ByteOrder) -> [UInt8] {
    let bytes = (0..<width).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    return order == .bigEndian ? bytes.reversed() : bytes
  }

  @Test(arguments: HandlerKind.allCases, Wire.all)
  func framesAtOnceAndByteByByte(kind: HandlerKind, wire: Wire) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    var setup = Setup()
    setup.framing = wire.framing
    try await withService(at: path, setup, by: .commands(kind)) { service in
      var client = try Client(path)
      let messages = ["one", "", "three", String(repeating: "x", count: 200)]
      try client.send(messages.flatMap { wire.encode(Array($0.utf8)) })
      for message in messages {
        let said = try client.line()
        #expect(said == message)
      }
      var received = service.counters.bytesReceived
      for byte in wire.encode(Array("drip".utf8)) {
        try client.send([byte])
        received += 1
        try eventually { service.counters.bytesReceived == received }
      }
      let said = try client.line()
      #expect(said == "drip")
      #expect(service.counters.frames == 5)
    }
  }

  @Test(arguments: HandlerKind.allCases) func rawIsWhateverHasCome(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    var setup = Setup { $0.frameLength = 10 }
    setup.framing = .raw
    try await withService(at: path, setup, by: .commands(kind)) { _ in
      let peer = try Peer(path)
      try peer.client.send("raw")
      #expect(try peer.client.line() == "raw")
      // Never more at once than a frame may have.
      try peer.client.send("0123456789abcdefghij")
      #expect(try peer.client.line() == "0123456789")
      #expect(try peer.client.line() == "abcdefghij")
      try peer.client.endSending()
      #expect(try peer.client.rest() == [])
    }
  }

  @Test(arguments: HandlerKind.allCases, [2, 4, 8])
  func lengthOverTheLimitIsRefusedByItsPromise(kind: HandlerKind, width: Int) async throws {
    let directory = try TemporaryDirectory()
    let (path, events) = (directory("s"), Log<String>())
    var setup = Setup { $0.frameLength = 1000 }
    setup.framing = .lengthPrefixed(by: width, .bigEndian)
    setup.observe = { events.append(describe($0)) }
    try await withService(at: path, setup, by: .commands(kind)) { service in
      for length in [1001, 0xFFFF] {
        var client = try Client(path)
        // The promise alone; the end comes although nothing of the frame has.
        try client.send(Self.lengthBytes(length, width, .bigEndian))
        let said = try client.rest()
        #expect(said == [])
      }
      var client = try Client(path)
      try client.send(Self.lengthBytes(1000, width, .bigEndian) + [UInt8](repeating: 120, count: 1000))
      let said = try client.line()
      #expect(said?.count == 1000)
      try eventually { service.counters.failed == 2 }
    }
    #expect(events.entries.allSatisfy { $0.hasPrefix("failed frame too long") })
  }

  @Test(arguments: HandlerKind.allCases) func lengthWithTheTopBitSetIsRefused(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    var setup = Setup()
    setup.framing = .lengthPrefixed(by: 8, .littleEndian)
    try await withService(at: path, setup, by: .commands(kind)) { service in
      for length in [[UInt8](repeating: 255, count: 8), [0, 0, 0, 0, 0, 0, 0, 128]] {
        var client = try Client(path)
        try client.send(length)
        let said = try client.rest()
        #expect(said == [])
      }
      try eventually { service.counters.failed == 2 }
    }
  }

  @Test(arguments: [true, false]) func handlerChangesItsFramingOnTheWay(inOneWrite: Bool) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let answerer = Answerer { (connection: consuming Connection) in
      try await connection.write("\(text(try await connection.nextLine()) ?? "-")\n")
      try await connection.write("\(text(try await connection.nextFrame(.lengthPrefixed(by: 2, .bigEndian))) ?? "-")\n")
      try await connection.write("\(text(try await connection.nextFrame(.delimited(by: 0))) ?? "-")\n")
      try await connection.write("\(text(try await connection.nextFrame(.lengthPrefixed(by: 1, .bigEndian))) ?? "-")\n")
      try await connection.write("\(text(try await connection.nextFrame(.raw)) ?? "-")\n")
    }
    try await withService(at: path, by: answerer) { service in
      var client = try Client(path)
      let bytes = Array("POST 5\n".utf8) + [0, 5] + Array("ab\ncd".utf8) + Array("e\nf\0".utf8) + [1, 65, 66]
      if inOneWrite {
        try client.send(bytes)
      } else {
        for (index, byte) in bytes.enumerated() {
          try client.send([byte])
          try eventually { service.counters.bytesReceived == index + 1 }
        }
      }
      try client.endSending()
      let said = try client.rest()
      #expect(said == ["POST 5", "ab", "cd", "e", "f", "A", "B"])
    }
  }

  @Test func handlerThatChangesItsFramingIsToldWhatWasCutOff() async throws {
    let directory = try TemporaryDirectory()
    let (path, ended) = (directory("s"), Log<IPCError>())
    let answerer = Answerer { (connection: consuming Connection) in
      _ = try await connection.nextLine()
      do throws(IPCError) { _ = try await connection.nextFrame(.lengthPrefixed(by: 4, .bigEndian)) } catch {
        ended.append(error)
      }
    }
    try await withService(at: path, by: answerer) { _ in
      var client = try Client(path)
      try client.send(Array("head\n".utf8) + [0, 0, 0, 9] + Array("body".utf8))
      try client.endSending()
      let said = try client.rest()
      #expect(said == [])
    }
    #expect(ended.entries == [.peer(.frameCutOff(expected: 9, received: 4))])
  }

  @Test(arguments: HandlerKind.allCases, [7, 8, 9])
  func frameAroundTheLimit(kind: HandlerKind, length: Int) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Setup { $0.frameLength = 8 }, by: .commands(kind)) { service in
      for ending in ["\n", ""] {
        var client = try Client(path)
        let line = String(repeating: "x", count: length)
        try client.send(line + ending)
        if length <= 8 { try client.endSending() }
        let said = try client.rest()
        #expect(said == (length <= 8 ? [line] : []))
      }
      try eventually { service.counters.failed == (length <= 8 ? 0 : 2) }
    }
  }
}
