// Replies that do not fit: they stay in order, whatever is written behind them, and a small bound holds for every way in
// which a reply can come about.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ReplyOrderTests {
  private static let handler = ReplyHandler { frame, reply in
    let words = (text(frame) ?? "").split(separator: " ")
    if words.first == "own" { throw IPCError.deadlineExceeded(operation: "mine") }
    guard words.count == 2, let count = Int(words[1]) else { return reply.write("what?\n") }
    reply.write(words[0] + String(repeating: "x", count: count) + "\n")
  } onFailure: { error, reply in
    reply.write("\(error)\n")
  }

  @Test(arguments: 0..<24) func lastWordComesLast(before count: Int) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let setup = Setup { $0.frameLength = 100 }
    try await withService(at: path, setup, by: Answerer(Self.handler)) { service in
      let (peer, other) = (try Peer(path), try Peer(path))
      // Nothing is read yet: with more and more replies, there is less and less room for the last ones.
      for number in 0..<count {
        try peer.client.send("\(number) 10000\n")
        try eventually { service.counters.frames == number + 1 || service.counters.bytesSent > 150_000 }
      }
      try peer.client.send("last 60000\n" + String(repeating: "z", count: 200))
      // The server has come by here when it answers others again.
      for _ in 0..<3 { #expect(try other.ask("a 1") == "ax") }
      let lines = try peer.client.rest()
      #expect(lines.map { String($0.prefix { $0 != "x" }) } == (0..<count).map { "\($0)" } + ["last", lines.last])
      #expect(lines.last?.hasPrefix("frame too long") == true)
    }
  }

  @Test func manyRepliesMayBeMoreThanTheBoundAndOneMayNot() async throws {
    let directory = try TemporaryDirectory()
    let (path, events) = (directory("s"), Log<String>())
    var setup = Setup { $0.unreadOutput = 1000 }
    setup.observe = { events.append(describe($0)) }
    try await withService(at: path, setup, by: Answerer(Self.handler)) { service in
      let peer = try Peer(path)
      try peer.client.send((0..<500).map { "\($0) 90\n" }.joined())
      for number in 0..<500 { #expect(try peer.client.line()?.hasPrefix("\(number)x") == true) }
      try peer.client.send("a 10\nb 1000\nc 10\n")
      #expect(try peer.client.rest() == ["a" + String(repeating: "x", count: 10)])
      let other = try Peer(path)
      try other.client.send("it 1000")
      try other.client.endSending()
      #expect(try other.client.rest() == [])
      try eventually { service.counters.open == 0 }
    }
    let sentence = { (unread: Int) in "failed output too long: \(unread) bytes unread, the limit is 1000" }
    #expect(events.entries == [sentence(1002), sentence(1003)])
  }

  @Test func anErrorOfTheHandlersOwnIsNoMistakeOfThePeers() async throws {
    let directory = try TemporaryDirectory()
    let (path, events) = (directory("s"), Log<String>())
    var setup = Setup()
    setup.observe = { events.append(describe($0)) }
    try await withService(at: path, setup, by: Answerer(Self.handler)) { service in
      let peer = try Peer(path)
      try peer.client.send("a 1\nown\n")
      #expect(try peer.client.rest() == ["ax"])
      try eventually { service.counters.open == 0 }
    }
    #expect(events.entries == ["failed mine: the deadline has passed"])
  }

  @Test func lastWordIsSaidAfterALastReplyThatHadToWait() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let handler = ReplyHandler { _, reply in
      reply.write([UInt8](repeating: 10, count: 1 << 20))
    } atEnd: { reply in
      reply.write("goodbye\n")
    }
    try await withService(at: path, by: Answerer(handler)) { _ in
      let peer = try Peer(path)
      try peer.client.send("no newline")
      try peer.client.endSending()
      let lines = try peer.client.rest()
      #expect(lines.count == (1 << 20) + 1)
      #expect(lines.last == "goodbye")
    }
  }

  @Test func aLongReplyGrowsWhereItIsWritten() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let handler = ReplyHandler { frame, reply in
      let count = text(frame).flatMap { Int($0) } ?? 0
      for number in 0..<count { reply.write("\(number)\n") }
    }
    try await withService(at: path, by: Answerer(handler)) { _ in
      let peer = try Peer(path)
      for count in [1, 20_000, 1, 100_000, 3] {
        try peer.client.send("\(count)\n")
        for number in 0..<count {
          let line = try peer.client.line()
          guard line == "\(number)" else { return #expect(line == "\(number)") }
        }
      }
    }
  }
}
