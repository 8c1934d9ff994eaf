// Descriptors that clients send to a server: they are the handler's with their frame, and nobody's otherwise.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ServerMessagesTests {
  /// Two for each frame, if not otherwise.
  static func setup(_ perFrame: Int = 2, events: Log<String>? = nil) -> Setup {
    var setup = Setup { $0.descriptorsPerFrame = perFrame }
    if let events { setup.observe = { events.append(describe($0)) } }
    return setup
  }

  /// Answers each line with itself and the names of what came with it.
  static let naming = Answerer(name)

  nonisolated(nonsending) static func name(_ connection: consuming Connection) async throws {
    while let line = text(try await connection.nextFrame()) {
      let names = names(of: connection.takeDescriptors())
      try await connection.write(([line] + names).joined(separator: " ") + "\n")
    }
  }

  /// Answers each line with itself; `switch` is handed over to who names what came with it.
  static let switching = Answerer(
    ReplyHandler { frame, reply in
      if text(frame)?.hasPrefix("switch") == true { reply.handOver() } else { reply.writeLine(frame) }
    }, handingOverTo: name)

  @Test func handlerTakesWhatCameWithItsFrame() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Self.setup(), by: Self.naming) { service in
      let (peer, freight) = (try Peer(path), try Freight(2))
      for _ in 0..<3 {
        #expect(try peer.ask("none") == "none")
        try peer.send("two", lending: freight.descriptors)
        #expect(try peer.client.line() == "two \(freight.names.joined(separator: " "))")
      }
      // The way of one that is passed ends here.
      try peer.send("passed", passing: freight.take())
      #expect(try peer.client.line() == "passed \(freight.names.joined(separator: " "))")
      try freight.untilAllAreGone()
      #expect(service.counters.frames == 7)
    }
  }

  @Test func viewOfTheFrameStaysValidBesideThem() async throws {
    let directory = try TemporaryDirectory()
    let (path, found) = (directory("s"), Log<String>())
    let answerer = Answerer { (connection: consuming Connection) in
      var input = connection.input
      while let line = try await input.nextLine() {
        found.append(names(of: connection.takeDescriptors()).joined(separator: " "))
        try await connection.writeLine(line)
      }
    }
    try await withService(at: path, Self.setup(), by: answerer) { _ in
      let (peer, freight) = (try Peer(path), try Freight(1))
      try peer.send("line", lending: freight.descriptors)
      #expect(try peer.client.line() == "line")
      #expect(found.entries == freight.names)
    }
  }

  /// More than one read takes, so that reads end anywhere in a frame.
  @Test func manyFramesOnTheirWayAtOnceKeepTheirOwn() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Self.setup(1), by: Self.naming) { _ in
      let (peer, freight) = (try Peer(path), try Freight(4))
      let sending = try peer.client.reader.descriptor.duplicate().release()
      let lines = (0..<400).map { "\($0) " + String(repeating: "x", count: $0 * 37 % 3000) }
      let sender = RunningThread {
        // The duplicate is this thread's.
        let socket = unsafe FileDescriptor(owning: sending)
        for (index, line) in lines.enumerated() {
          let parcel = index % 5 < 4 ? try freight.copy(index % 5) : DescriptorList()
          try socket.send(line + "\n", lending: parcel)
        }
      }
      for (index, line) in lines.enumerated() {
        let expected = index % 5 < 4 ? "\(line) \(freight.names[index % 5])" : line
        guard try peer.client.line() == expected else {
          Issue.record("frame \(index) is not as expected")
          break
        }
      }
      try sender.join()
    }
  }

  // MARK: On the loop

  /// A read ends where descriptors were sent, and no event tells of what is behind.
  @Test(arguments: HandlerKind.allCases) func whatIsBehindABoundaryIsAnsweredWithoutAnotherEvent(
    kind: HandlerKind
  ) async throws {
    let directory = try TemporaryDirectory()
    let (path, isHeld, isFree) = (directory("s"), Flag(), Flag())
    // Holds the loop, so that all three are there when it is read.
    let hold: @Sendable (String) throws -> Void = { line in
      guard line == "hold" else { return }
      isHeld.set()
      try isFree.wait()
    }
    let answerer =
      switch kind {
      case .reply:
        Answerer(
          ReplyHandler { frame, reply in
            reply.writeLine(frame)
            try hold(text(frame) ?? "")
          })
      case .task:
        Answerer { (connection: consuming Connection) in
          while let line = text(try await connection.nextFrame()) {
            try await connection.write(line + "\n")
            try hold(line)
          }
        }
      }
    try await withService(at: path, Self.setup(), by: answerer) { _ in
      let (peer, freight) = (try Peer(path), try Freight(2))
      try peer.client.send("hold\n")
      try isHeld.wait()
      try peer.send("one", lending: freight.descriptors)
      try peer.send("two", lending: freight.descriptors)
      try peer.client.send("three\n")
      isFree.set()
      for line in ["hold", "one", "two", "three"] { #expect(try peer.client.line() == line) }
    }
  }

  @Test(arguments: ["one", "unfinished"]) func endIsSeenBehindABoundary(last: String) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Self.setup(), by: Self.naming) { service in
      let (peer, freight) = (try Peer(path), try Freight(1))
      try peer.send("one", lending: freight.descriptors)
      try peer.client.reader.descriptor.send(last, lending: freight.descriptors)
      try peer.client.endSending()
      #expect(try peer.client.rest() == ["one", last].map { "\($0) \(freight.names[0])" })
      try eventually { service.counters.open == 0 }
    }
  }

  // MARK: The reply handler

  @Test func whatCameWithAnAnsweredFrameIsClosedAtOnce() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Self.setup(), by: Self.switching) { service in
      let (peer, freight) = (try Peer(path), try Freight(2))
      try peer.send("answered", passing: freight.take())
      #expect(try peer.client.line() == "answered")
      try freight.untilAllAreGone()
      #expect(service.counters.open == 1)
    }
  }

  @Test(arguments: [true, false]) func whatCameWithAFrameIsHandedOverWithIt(inARow: Bool) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Self.setup(), by: Self.switching) { _ in
      let (peer, freight) = (try Peer(path), try Freight(4))
      let words = ["answered", "switch", "after"]
      let expected = ["answered", "switch \(freight.names[1])", "after \(freight.names[2])"]
      for (position, word) in words.enumerated() {
        try peer.send(word, passing: try freight.copy(position))
        if !inARow { #expect(try peer.client.line() == expected[position]) }
      }
      if inARow { for line in expected { #expect(try peer.client.line() == line) } }
      try peer.client.reader.descriptor.send("last", lending: try freight.copy(3))
      try peer.client.endSending()
      #expect(try peer.client.rest() == ["last \(freight.names[3])"])
      _ = freight.take()
      try freight.untilAllAreGone()
    }
  }

  @Test func lastFrameWithoutItsEndIsHandedOverToo() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Self.setup(), by: Self.switching) { _ in
      let (peer, freight) = (try Peer(path), try Freight(2))
      try peer.send("answered", lending: try freight.copy(0))
      try peer.client.reader.descriptor.send("switch", lending: try freight.copy(1))
      try peer.client.endSending()
      #expect(try peer.client.rest() == ["answered", "switch \(freight.names[1])"])
    }
  }

  @Test func handlerThatHasReadNothingYetIsGivenNone() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let before = ReplyHandler { frame, reply in
      if text(frame) == "switch" { reply.handOver() } else { reply.writeLine(frame) }
    }
    let answerer = Answerer(before) { (connection: consuming Connection) in
      let early = names(of: connection.takeDescriptors())
      _ = try await connection.nextLine()
      let (now, again) = (names(of: connection.takeDescriptors()), names(of: connection.takeDescriptors()))
      try await connection.write("\(early.count) \(now.joined()) \(again.count)\n")
    }
    try await withService(at: path, Self.setup(), by: answerer) { _ in
      let (peer, freight) = (try Peer(path), try Freight(2))
      try peer.send("one", lending: try freight.copy(0))
      try peer.send("switch", lending: try freight.copy(1))
      #expect(try peer.client.rest() == ["one", "0 \(freight.names[1]) 0"])
    }
  }
}
