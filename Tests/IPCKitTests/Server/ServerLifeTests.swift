// When a handler begins, when a server that nobody needs ends, and that what was written last arrives although the one who
// wrote it has gone.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ServerLifeTests {
  @Test(arguments: [HandlerStart.firstByte, .connection])
  func silentClientStartsAHandlerOnlyWhereItIsToSpeakFirst(start: HandlerStart) async throws {
    let directory = try TemporaryDirectory()
    let (path, begun) = (directory("s"), Counter())
    var setup = Setup()
    setup.start = start
    let answerer = Answerer { (connection: consuming Connection) in
      begun.add(1)
      if start == .connection { try await connection.write("welcome\n") }
      while let line = try await connection.nextLine(as: [UInt8].self) { try await connection.writeLine(line) }
    }
    try await withService(at: path, setup, by: answerer) { service in
      let silent = try (0..<5).map { _ in try Peer(path) }
      if start == .connection { for peer in silent { #expect(try peer.client.line() == "welcome") } }
      try eventually { service.counters.open == 5 }
      let talking = try Peer(path)
      try talking.client.send("hello\n")
      if start == .connection { #expect(try talking.client.line() == "welcome") }
      #expect(try talking.client.line() == "hello")
      #expect(begun.value == (start == .connection ? 6 : 1))
      // Who goes without a word needs no handler either.
      try silent[0].client.endSending()
      #expect(try silent[0].client.rest() == [])
      #expect(begun.value == (start == .connection ? 6 : 1))
      #expect(service.counters.failed == 0)
    }
  }

  @Test(arguments: HandlerKind.allCases) func idleServerEndsWithoutAClient(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let begun = ContinuousClock.now
    try await withService(at: path, Setup { $0.idleExit = .milliseconds(60) }, by: .commands(kind)) { service in
      try service.hasEnded.wait()
      #expect(ContinuousClock.now - begun >= .milliseconds(60))
      #expect(service.counters.accepted == 0)
    }
    #expect(entries(of: directory.path) == ["s.lock"])
  }

  @Test(arguments: HandlerKind.allCases) func idleServerStaysForAsLongAsItHasAClient(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Setup { $0.idleExit = .seconds(3) }, by: .commands(kind)) { service in
      func visit() throws -> ContinuousClock.Instant {
        let silent = try Peer(path)
        let talking = try Peer(path)
        // Longer than an idle server would live.
        let deadline = Deadline.after(.milliseconds(3300))
        while !deadline.hasPassed {
          let said = try talking.ask("still there")
          try #require(said == "still there")
          usleep(5000)
        }
        #expect(!service.hasEnded.isSet)
        return withExtendedLifetime(silent) { ContinuousClock.now }
      }
      let left = try visit()
      try service.hasEnded.wait()
      #expect(ContinuousClock.now - left >= .seconds(3))
      #expect(service.counters.open == 0)
    }
    #expect(entries(of: directory.path) == ["s.lock"])
  }

  @Test(arguments: HandlerKind.allCases, 1...8)
  func lastAnswersArriveAlthoughTheirWriterHasGone(kind: HandlerKind, count: Int) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, by: .commands(kind)) { service in
      // About as much as fits on the way to a client that does not read: more of it is still with the server.
      var client = try Client(path)
      try client.send((0..<count).map { "big 60000 \($0)\n" }.joined() + "quit\nunasked\n")
      try eventually { service.counters.bytesSent > 150_000 || service.counters.frames == count + 1 }
      for number in 0..<count {
        let line = try client.line()
        #expect(line?.utf8.count == 60_001 && line?.hasPrefix("\(number)") == true)
      }
      let rest = try client.rest()
      #expect(rest == ["bye"])
      #expect(service.counters.failed == 0)
    }
  }

  @Test func finishedConnectionSendsAllToASlowReaderWhoKeepsSending() async throws {
    let directory = try TemporaryDirectory()
    let (path, hasFinished) = (directory("s"), Flag())
    let answerer = Answerer { (connection: consuming Connection) in
      _ = try await connection.nextLine()
      let body = [UInt8](repeating: 120, count: 60_000)
      for number in 0..<4 { try await connection.writeLine(Array("\(number)".utf8) + body) }
      connection.finish(deadline: .after(.seconds(60)))
      hasFinished.set()
    }
    try await withService(at: path, by: answerer) { service in
      var client = try Client(path)
      try client.send("go\nunread\n")
      try eventually { hasFinished.isSet || service.counters.bytesSent > 150_000 }
      for number in 0..<4 {
        try client.send("unasked\n")
        let line = try client.line()
        #expect(line?.hasPrefix("\(number)x") == true && line?.utf8.count == 60_001)
      }
      let rest = try client.rest()
      #expect(rest == [])
      try hasFinished.wait()
    }
  }

  @Test(arguments: HandlerKind.allCases)
  func connectionThatEndedAndIsNotReadIsGivenUpAfterTheStallTime(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Setup { $0.stallTime = .milliseconds(60) }, by: .commands(kind)) { service in
      for count in 1...6 {
        let peer = try Peer(path)
        try peer.client.send((0..<count).map { "big 60000 \($0)\n" }.joined() + "quit\nunasked\n")
        try eventually { service.counters.accepted == count && service.counters.open == 0 }
      }
    }
  }
}
