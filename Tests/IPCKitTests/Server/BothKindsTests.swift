// What both kinds of handler must make of the same bytes: however they are cut into writes, and wherever they stop.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct BothKindsTests {
  @Test(arguments: HandlerKind.allCases) func manyClientsGetTheirOwnAnswers(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, by: .commands(kind)) { service in
      let clients = (0..<32).map { number in
        RunningThread {
          let peer = try Peer(path)
          for round in 0..<20 where try peer.ask("\(number) \(round)") != "\(number) \(round)" { return false }
          try peer.client.endSending()
          return try peer.client.line() == nil
        }
      }
      let outcomes = try clients.map { try $0.join() }
      #expect(outcomes == Array(repeating: true, count: 32))
      #expect(service.counters.accepted == 32)
    }
    #expect(entries(of: directory.path) == ["s.lock"])
  }

  @Test(arguments: HandlerKind.allCases, [3, 5000])
  func manyFramesInOneWriteAreAnsweredInOrder(kind: HandlerKind, count: Int) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, by: .commands(kind)) { _ in
      var client = try Client(path)
      let lines = (0..<count).map { "line \($0)" }
      try client.send(lines.joined(separator: "\n") + "\n")
      for line in lines {
        let said = try client.line()
        #expect(said == line)
      }
    }
  }

  @Test(arguments: HandlerKind.allCases) func frameSplitAtEveryPosition(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, by: .commands(kind)) { service in
      var client = try Client(path)
      let message = Array("a message\n".utf8)
      for position in 1..<message.count {
        let before = service.counters.bytesReceived
        try client.send(Array(message[..<position]))
        // The server has seen the first part when the second is sent.
        try eventually { service.counters.bytesReceived == before + position }
        try client.send(Array(message[position...]))
        let said = try client.line()
        #expect(said == "a message", "split at \(position)")
      }
      #expect(service.counters.frames == message.count - 1)
    }
  }

  @Test(arguments: HandlerKind.allCases) func frameThatComesByteByByte(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, by: .commands(kind)) { service in
      var client = try Client(path)
      for (index, byte) in "one\n\ntwo\n".utf8.enumerated() {
        try client.send([byte])
        try eventually { service.counters.bytesReceived == index + 1 }
      }
      for line in ["one", "", "two"] {
        let said = try client.line()
        #expect(said == line)
      }
    }
  }

  @Test(arguments: HandlerKind.allCases)
  func messageCutOffAtEveryPositionLeavesNothingAndTheServerServes(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, by: .commands(kind)) { service in
      let message = Array("one\nanother\n".utf8)
      for position in 0...message.count {
        func sendSome() throws {
          let client = try Client(path)
          try client.send(Array(message[..<position]))
        }
        try sendSome()
        try eventually { service.counters.accepted == 2 * position + 1 && service.counters.open == 0 }
        let peer = try Peer(path)
        #expect(try peer.ask("still there") == "still there", "cut off at \(position)")
        try peer.client.endSending()
        #expect(try peer.client.rest() == [])
        try eventually { service.counters.open == 0 }
      }
    }
  }

  @Test(arguments: HandlerKind.allCases) func lengthPrefixedMessageCutOffAtEveryPositionIsReported(
    kind: HandlerKind
  ) async throws {
    let directory = try TemporaryDirectory()
    let (path, events) = (directory("s"), Log<String>())
    var setup = Setup()
    setup.framing = .lengthPrefixed(by: 2, .bigEndian)
    setup.observe = { events.append(describe($0)) }
    try await withService(at: path, setup, by: .commands(kind)) { service in
      let message: [UInt8] = [0, 3] + Array("abc".utf8)
      for position in 1..<message.count {
        var client = try Client(path)
        try client.send(Array(message[..<position]))
        try client.endSending()
        let said = try client.rest()
        #expect(said == [])
      }
      try eventually { service.counters.failed == 4 && service.counters.open == 0 }
      let cut = [(1, 2), (0, 3), (1, 3), (2, 3)].map { "failed frame cut off: \($0.0) of \($0.1) bytes" }
      #expect(events.entries == cut)
    }
  }

  @Test(arguments: HandlerKind.allCases) func emptyFramesAndALastLineWithoutNewline(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, by: .commands(kind)) { _ in
      var client = try Client(path)
      try client.send("\n\n\nlast")
      try client.endSending()
      let said = try client.rest()
      #expect(said == ["", "", "", "last"])
    }
  }

  @Test(arguments: HandlerKind.allCases) func clientThatSendsAllAndEndsGetsAllAnswers(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, by: .commands(kind)) { _ in
      // More than one read takes, with the end of the sending right behind it.
      let lines = (0..<30_000).map { "line \($0)" }
      var client = try Client(path)
      let descriptor = try client.reader.descriptor.duplicate().release()
      let sender = RunningThread {
        // Released above, for this thread.
        let sending = unsafe FileDescriptor(owning: descriptor)
        try sending.writeAll(lines.joined(separator: "\n"), deadline: .after(.seconds(60)))
        try sending.shutdownSending()
      }
      let said = try client.rest()
      try sender.join()
      #expect(said == lines)
    }
  }

  @Test(arguments: HandlerKind.allCases)
  func lastAnswerIsReadAlthoughMoreWasSentBehindIt(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, by: .commands(kind)) { service in
      var client = try Client(path)
      try client.send("one\nquit\n" + String(repeating: "unasked\n", count: 20_000))
      // Read to the end: a reset would be an error.
      let said = try client.rest()
      #expect(said == ["one", "bye"])
      #expect(service.counters.frames == 2)
      #expect(service.counters.failed == 0)
    }
  }

  @Test(arguments: HandlerKind.allCases)
  func lastAnswerIsReadAlthoughMoreWasSentWhileItWasMade(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let (path, hasBegun, mayEnd) = (directory("s"), Flag(), Flag())
    // Both block the loop, so that what comes meanwhile is seen by nobody before the end.
    let answerer =
      switch kind {
      case .reply:
        Answerer(
          ReplyHandler { _, reply in
            hasBegun.set()
            try mayEnd.wait()
            reply.write("bye\n")
            reply.end()
          })
      case .task:
        Answerer { (connection: consuming Connection) in
          _ = try await connection.nextLine()
          hasBegun.set()
          try mayEnd.wait()
          try await connection.write("bye\n")
        }
      }
    try await withService(at: path, by: answerer) { _ in
      var client = try Client(path)
      try client.send("quit\n")
      try hasBegun.wait()
      try client.send("unasked\n")
      mayEnd.set()
      let said = try client.rest()
      #expect(said == ["bye"])
    }
  }

  @Test(arguments: HandlerKind.allCases)
  func handlerThatThrowsEndsItsConnectionAloneAndIsReported(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let (path, events) = (directory("s"), Log<String>())
    var setup = Setup()
    setup.observe = { events.append(describe($0)) }
    try await withService(at: path, setup, by: .commands(kind)) { service in
      let (steady, failing) = (try Peer(path), try Peer(path))
      #expect(try steady.ask("one") == "one")
      // What was answered before the failure arrives, and what came after it is not answered.
      try failing.client.send("before\nfail\nafter\n")
      #expect(try failing.client.rest() == ["before"])
      #expect(try steady.ask("two") == "two")
      // Told a moment after the client has seen the end.
      try eventually { events.entries == ["failed handler failed"] }
      #expect(service.counters.failed == 1)
    }
  }
}
