// What a reply handler alone has: a number of its own, a last word at the end and after a failure, and the way to hand a
// connection over in the middle of its conversation.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ReplyHandlerTests {
  @Test func tagCountsForEachConnectionAndTheEndTellsIt() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let counting = ReplyHandler { _, reply in
      reply.tag += 1
    } atEnd: { reply in
      reply.write("\(reply.tag) lines\n")
    }
    try await withService(at: path, by: Answerer(counting)) { service in
      let peers = try (0..<3).map { _ in try Peer(path) }
      for (index, peer) in peers.enumerated() {
        for _ in 0..<index * 2 { try peer.client.send("line\n") }
        if index > 0 { try peer.client.send("unfinished") }
      }
      try eventually { service.counters.frames == 6 }
      for (index, peer) in peers.enumerated() {
        try peer.client.endSending()
        #expect(try peer.client.rest() == ["\(index == 0 ? 0 : index * 2 + 1) lines"])
      }
    }
  }

  @Test func endedConversationHasNoLastWord() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let handler = ReplyHandler { frame, reply in
      reply.writeLine(frame)
      reply.end()
    } atEnd: {
      $0.write("never\n")
    }
    try await withService(at: path, by: Answerer(handler)) { _ in
      for message in ["line\n", "line"] {
        var client = try Client(path)
        try client.send(message)
        try client.endSending()
        let said = try client.rest()
        #expect(said == ["line"])
      }
    }
  }

  @Test func errorAtTheEndIsReported() async throws {
    let directory = try TemporaryDirectory()
    let (path, events) = (directory("s"), Log<String>())
    var setup = Setup()
    setup.observe = { events.append(describe($0)) }
    let handler = ReplyHandler({ _, _ in }, atEnd: { _ in throw HandlerFailed() })
    try await withService(at: path, setup, by: Answerer(handler)) { _ in
      var client = try Client(path)
      try client.endSending()
      let said = try client.rest()
      #expect(said == [])
    }
    #expect(events.entries == ["failed handler failed"])
  }

  @Test func allWaysToWriteAddUp() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let handler = ReplyHandler { frame, reply in
      reply.write(frame)
      reply.write(Array("+".utf8))
      reply.write("")
      reply.write([])
      reply.write("text äö ")
      reply.writeLine(frame)
    }
    try await withService(at: path, by: Answerer(handler)) { _ in
      let peer = try Peer(path)
      #expect(try peer.ask("frame") == "frame+text äö frame")
      #expect(try peer.ask("") == "+text äö ")
    }
  }

  @Test(arguments: [PeerPolicy.sameUserOrRoot, .anyone]) func replyKnowsItsPeer(policy: PeerPolicy) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    var setup = Setup { $0.connectionsPerUser = .max }
    setup.policy = policy
    let handler = ReplyHandler { _, reply in
      let peer = try reply.peer.credentials
      reply.write("\(peer.processID) \(peer.userID)\n")
    }
    try await withService(at: path, setup, by: Answerer(handler)) { _ in
      let peer = try Peer(path)
      for _ in 0..<2 { #expect(try peer.ask("who am I") == "\(getpid()) \(geteuid())") }
    }
  }

  // MARK: Last words

  private func complaining(_ seen: Log<IPCError>) -> ReplyHandler {
    ReplyHandler { frame, reply in
      reply.writeLine(frame)
    } onFailure: { error, reply in
      seen.append(error)
      reply.write("sorry: \(error)\n")
    }
  }

  @Test(arguments: [9, 100, 200_000]) func lastWordForAFrameThatIsTooLongCanBeRead(length: Int) async throws {
    let directory = try TemporaryDirectory()
    let (path, seen) = (directory("s"), Log<IPCError>())
    try await withService(at: path, Setup { $0.frameLength = 8 }, by: Answerer(complaining(seen))) { service in
      var client = try Client(path)
      try client.send("short\n")
      try client.send(String(repeating: "x", count: length))
      let said = try client.rest()
      #expect(said.count == 2)
      #expect(said.first == "short")
      #expect(said.last?.hasPrefix("sorry: frame too long: ") == true)
      try eventually { service.counters.failed == 1 }
    }
    #expect(seen.entries.count == 1)
  }

  @Test func lastWordForAFrameThatComesTooSlowlyCanBeRead() async throws {
    let directory = try TemporaryDirectory()
    let (path, seen) = (directory("s"), Log<IPCError>())
    let setup = Setup { $0.frameTime = .milliseconds(30) }
    try await withService(at: path, setup, by: Answerer(complaining(seen))) { service in
      var client = try Client(path)
      try client.send("in time\nhalf")
      let said = try client.rest()
      #expect(said == ["in time", "sorry: read: the deadline has passed"])
      #expect(service.counters.deadlinesPassed == 1)
    }
    #expect(seen.entries == [.deadlineExceeded(operation: "read")])
  }

  // MARK: Handing over

  @Test(arguments: [true, false]) func handedOverInTheMiddleWithAllOrderKept(inOneWrite: Bool) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let before = ReplyHandler { frame, reply in
      guard text(frame) != "switch" else {
        reply.write("handing over\n")
        return reply.handOver()
      }
      reply.tag += 1
      reply.write("reply \(reply.tag) \(text(frame) ?? "")\n")
    } atEnd: {
      $0.write("never\n")
    }
    let answerer = Answerer(before) { (connection: consuming Connection) in
      while let line = text(try await connection.nextLine()) { try await connection.write("task \(line)\n") }
      try await connection.write("end\n")
    }
    try await withService(at: path, by: answerer) { service in
      var client = try Client(path)
      let parts = ["a\n", "b\n", "switch\n", "c\n", "d"]
      if inOneWrite { try client.send(parts.joined()) } else { for part in parts { try client.send(part) } }
      try client.endSending()
      let said = try client.rest()
      #expect(said == ["reply 1 a", "reply 2 b", "handing over", "task switch", "task c", "task d", "end"])
      #expect(service.counters.failed == 0)
    }
  }

  @Test func frameWithoutNewlineIsHandedOverToo() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let answerer = Answerer(ReplyHandler { _, reply in reply.handOver() }) { (connection: consuming Connection) in
      while let line = text(try await connection.nextLine()) { try await connection.write("task \(line)\n") }
    }
    try await withService(at: path, by: answerer) { service in
      var client = try Client(path)
      try client.send("last")
      try client.endSending()
      let said = try client.rest()
      #expect(said == ["task last"])
      try eventually { service.counters.open == 0 }
    }
  }

  @Test(arguments: ["a\nb\n", "a\nb"]) func atItsEndAConnectionCanBeHandedOver(input: String) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let before = ReplyHandler { frame, reply in
      reply.tag += 1
    } atEnd: { reply in
      reply.write("\(reply.tag) lines\n")
      reply.handOver()
    }
    let answerer = Answerer(before) { (connection: consuming Connection) in
      guard try await connection.nextLine() == nil, connection.peerHasEnded else { return }
      await connection.loop.sleep(until: .after(.milliseconds(5)))
      try await connection.write("and no more\n")
    }
    try await withService(at: path, by: answerer) { _ in
      var client = try Client(path)
      try client.send(input)
      try client.endSending()
      let said = try client.rest()
      #expect(said == ["2 lines", "and no more"])
    }
  }

  @Test func handedOverConnectionWaitsWhileOthersAreAnswered() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let before = ReplyHandler { frame, reply in
      if text(frame) == "wait" { reply.handOver() } else { reply.writeLine(frame) }
    }
    let answerer = Answerer(before) { (connection: consuming Connection) in
      _ = try await connection.nextLine()
      // Nothing but the other connection's word ends this wait.
      while let line = text(try await connection.nextLine()) { try await connection.write("task \(line)\n") }
    }
    try await withService(at: path, by: answerer) { _ in
      let (waiting, other) = (try Peer(path), try Peer(path))
      try waiting.client.send("wait\n")
      for _ in 0..<10 { #expect(try other.ask("hello") == "hello") }
      #expect(try waiting.ask("go on") == "task go on")
    }
  }
}
