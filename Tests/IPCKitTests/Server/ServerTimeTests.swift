// How long a peer may take, for both kinds of handler: to its first byte, to the end of a frame, between frames, and to
// read what it has asked for. And who must not run out of time.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ServerTimeTests {
  @Test(arguments: HandlerKind.allCases) func drippingFrameRunsOutOfTime(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let (path, events) = (directory("s"), Log<String>())
    var setup = Setup { $0.frameTime = .milliseconds(60) }
    setup.observe = { events.append(describe($0)) }
    try await withService(at: path, setup, by: .commands(kind)) { service in
      let begun = ContinuousClock.now
      let client = try Client(path)
      let ended = systemFailure {
        let deadline = Deadline.after(.seconds(60))
        while !deadline.hasPassed {
          try client.send("x")
          usleep(2000)
        }
      }
      #expect(ended?.errno == EPIPE || ended?.errno == ECONNRESET)
      #expect(ContinuousClock.now - begun >= .milliseconds(60))
      #expect(service.counters.deadlinesPassed == 1)
      #expect(service.counters.failed == 1)
    }
    #expect(events.entries == ["failed read: the deadline has passed"])
  }

  @Test(arguments: HandlerKind.allCases)
  func framesThatOverlapInTheirWritesEachHaveTheirOwnTime(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Setup { $0.frameTime = .seconds(3) }, by: .commands(kind)) { service in
      // Each write ends one frame and begins the next; none of them takes as long as it may.
      var client = try Client(path)
      try client.send("be")
      let deadline = Deadline.after(.seconds(4))
      while !deadline.hasPassed {
        try client.send("gin\nbe")
        let said = try client.line()
        try #require(said == "begin")
        usleep(5000)
      }
      #expect(service.counters.deadlinesPassed == 0)
    }
  }

  @Test(arguments: HandlerKind.allCases, [HandlerStart.firstByte, .connection])
  func silentClientRunsOutOfTimeForItsFirstByte(kind: HandlerKind, start: HandlerStart) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    var setup = Setup { $0.firstByteTime = .seconds(2) }
    setup.start = start
    try await withService(at: path, setup, by: .commands(kind)) { service in
      let (talking, silent) = (try Peer(path), try Peer(path))
      #expect(try talking.ask("in time") == "in time")
      // With less patience than elsewhere: a server that waits for ever must not hold up the test.
      let wrong = failure { _ = try silent.client.reader.nextLine(as: String.self, deadline: .after(.seconds(30))) }
      #expect(wrong == nil, "the silent one was not ended")
      #expect(service.counters.deadlinesPassed == 1)
      // Who has said something may be silent after it.
      usleep(2_200_000)
      #expect(try talking.ask("later") == "later")
    }
  }

  @Test(arguments: HandlerKind.allCases) func idleClientRunsOutOfTimeAndABusyOneDoesNot(kind: HandlerKind) async throws
  {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Setup { $0.idleTime = .seconds(3) }, by: .commands(kind)) { service in
      let (busy, idle, silent) = (try Peer(path), try Peer(path), try Peer(path))
      #expect(try idle.ask("once") == "once")
      let deadline = Deadline.after(.seconds(4))
      while !deadline.hasPassed {
        let said = try busy.ask("busy")
        try #require(said == "busy")
        usleep(5000)
      }
      #expect(try idle.client.rest() == [])
      #expect(try silent.client.rest() == [])
      #expect(service.counters.deadlinesPassed == 2)
      #expect(try busy.ask("still here") == "still here")
    }
  }

  @Test(arguments: HandlerKind.allCases)
  func readingALongAnswerIsNotIdle(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Setup { $0.idleTime = .seconds(3) }, by: .commands(kind)) { service in
      var client = try Client(path)
      try client.send("now it is idle\n")
      let first = try client.line()
      #expect(first == "now it is idle")
      // Longer than what the kernel keeps; it is read slowly, with the end left for a while after the idle time.
      try client.send("big 900000 a\n")
      var got = 0
      let deadline = Deadline.after(.milliseconds(3600))
      while !deadline.hasPassed {
        got += try client.readOnce(1000).count
        usleep(5000)
      }
      while got < 900_002 {
        let piece = try client.readOnce(1 << 16)
        try #require(!piece.isEmpty)
        got += piece.count
      }
      try client.send("still here\n")
      let said = try client.line()
      #expect(said == "still here")
      #expect(service.counters.deadlinesPassed == 0)
    }
  }

  @Test(arguments: HandlerKind.allCases)
  func timeOfAFrameDoesNotRunWhileTheAnswersAreNotRead(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Setup { $0.frameTime = .seconds(3) }, by: .commands(kind)) { service in
      var client = try Client(path)
      // The server has begun to wait for the end of this frame when it comes, and more frames with it.
      try client.send("big 500000")
      try eventually { service.counters.bytesReceived == 10 }
      try client.send(" a\nbig 500000 b\nbig 500000 c\n")
      try eventually { service.counters.bytesSent > 0 }
      usleep(3_300_000)
      for tag in ["a", "b", "c"] {
        let said = try client.line()
        #expect(said?.count == 500_001, "\(tag)")
        #expect(said?.first == tag.first)
      }
      #expect(service.counters.deadlinesPassed == 0)
      #expect(service.counters.failed == 0)
    }
  }

  @Test(arguments: HandlerKind.allCases) func peerThatNeverReadsIsEndedAfterTheStallTime(kind: HandlerKind) async throws
  {
    let directory = try TemporaryDirectory()
    let (path, events) = (directory("s"), Log<String>())
    var setup = Setup { $0.stallTime = .milliseconds(100) }
    setup.observe = { events.append(describe($0)) }
    try await withService(at: path, setup, by: .commands(kind)) { service in
      let (stalled, other) = (try Peer(path), try Peer(path))
      #expect(try other.ask("before") == "before")
      let begun = ContinuousClock.now
      try stalled.client.send("big 900000 a\n")
      while service.counters.open == 2 || service.counters.frames < 2 {
        let said = try other.ask("meanwhile")
        try #require(said == "meanwhile")
      }
      #expect(ContinuousClock.now - begun >= .milliseconds(100))
      #expect(service.counters.deadlinesPassed == 1)
      #expect(service.counters.failed == 1)
    }
    #expect(events.entries == ["failed write: the deadline has passed"])
  }

  @Test func handlerThatReadsOnWhileItsAnswerStallsIsToldOnce() async throws {
    let directory = try TemporaryDirectory()
    let (path, ended) = (directory("s"), Log<IPCError>())
    let answerer = Answerer { (connection: consuming Connection) in
      do throws(IPCError) {
        // Each answer is collected while more frames wait, so that it is the reading that waits in the end.
        while true {
          guard try await connection.nextLine() != nil else { return }
          try await connection.write([UInt8](repeating: 120, count: 30_000))
        }
      } catch {
        ended.append(error)
      }
    }
    try await withService(at: path, Setup { $0.stallTime = .milliseconds(100) }, by: answerer) { service in
      let client = try Client(path)
      try client.send(String(repeating: "x\n", count: 200))
      try eventually { service.counters.frames > 0 && service.counters.open == 0 }
      #expect(service.counters.deadlinesPassed == 1)
      // A child that another test starts just now may have a copy of the descriptor, until it executes its program.
      try eventually { systemFailure { try client.send("y") }?.errno == EPIPE }
    }
    #expect(ended.entries == [.deadlineExceeded(operation: "write")])
  }
}
