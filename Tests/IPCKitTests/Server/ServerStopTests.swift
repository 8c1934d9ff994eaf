// How a server ends well: nobody new, everybody to the end of what he has begun, and a deadline for those who do not end.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ServerStopTests {
  /// With less patience than elsewhere, for what a server that does not stop would never do.
  static func endsSoon(_ peer: Peer) -> Bool {
    failure {
      guard try peer.client.reader.nextLine(as: String.self, deadline: .after(.seconds(30))) == nil else {
        throw HandlerFailed()
      }
    } == nil
  }

  static func endsSoon(_ service: Service) -> Bool {
    let deadline = Deadline.after(.seconds(30))
    while !service.hasEnded.isSet, !deadline.hasPassed { usleep(500) }
    return service.hasEnded.isSet
  }

  @Test(arguments: HandlerKind.allCases)
  func idleAndSilentConnectionsEndAndOneInAFrameGoesOn(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let (path, setup) = (directory("s"), Setup())
    try await withService(at: path, setup, by: .commands(kind)) { service in
      let (idle, silent, busy) = (try Peer(path), try Peer(path), try Peer(path))
      #expect(try idle.ask("hello") == "hello")
      try busy.client.send("half")
      try eventually { service.counters.open == 3 && service.counters.bytesReceived == 10 }
      setup.stop.stop()
      #expect(try idle.client.rest() == [])
      #expect(try silent.client.rest() == [])
      #expect(!isListening(path))
      #expect(!entries(of: "\(path.dropLast(2))").contains("s"))
      #expect(!service.hasEnded.isSet)
      #expect(try busy.ask(" a line") == "half a line")
      #expect(Self.endsSoon(busy), "not ended after its frame")
      #expect(Self.endsSoon(service))
      #expect(service.counters.failed == 0)
    }
  }

  @Test(arguments: HandlerKind.allCases) func whoWaitsAtTheDoorIsLetIn(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let (path, setup, isHeld) = (directory("s"), Setup(), Flag())
    try await withLoop { loop in
      let server = setup.server(try UnixListener(binding: .path(path)), on: loop)
      let clients = RunningThread {
        let peers = try (0..<50).map { number in
          let peer = try Peer(path)
          try peer.client.send("\(number)\n")
          return peer
        }
        setup.stop.stop()
        isHeld.set()
        for (number, peer) in peers.enumerated() { #expect(try peer.client.line() == "\(number)") }
      }
      // Nobody is let in meanwhile.
      try isHeld.wait()
      try await Answerer.commands(kind).run(server, startingAt: .firstByte)
      try clients.join()
    }
  }

  @Test(arguments: HandlerKind.allCases) func framesThatHaveComeAreAnsweredBeforeTheEnd(kind: HandlerKind) async throws
  {
    let directory = try TemporaryDirectory()
    let (path, setup) = (directory("s"), Setup())
    try await withService(at: path, setup, by: .commands(kind)) { service in
      // The answers fill the way to the client, who reads only when the server has been told to stop.
      let peer = try Peer(path)
      try peer.client.send((0..<20).map { "big 60000 \($0)\n" }.joined())
      try eventually { service.counters.bytesSent > 0 }
      setup.stop.stop()
      try eventually { !isListening(path) }
      for number in 0..<20 { #expect(try peer.client.line()?.hasPrefix("\(number)x") == true) }
      #expect(Self.endsSoon(peer), "not ended after its frames")
      #expect(Self.endsSoon(service))
    }
  }

  @Test func handlerInTheMiddleOfItsWorkGoesOn() async throws {
    let directory = try TemporaryDirectory()
    let (path, setup) = (directory("s"), Setup())
    let (hasBegun, mayEnd) = (Flag(), Flag())
    let answerer = Answerer { (connection: consuming Connection) in
      _ = try await connection.nextLine()
      hasBegun.set()
      while !mayEnd.isSet { try await Task.sleep(for: .milliseconds(1)) }
      try await connection.write("done\n")
    }
    try await withService(at: path, setup, by: answerer) { service in
      let peer = try Peer(path)
      try peer.client.send("work\n")
      try hasBegun.wait()
      setup.stop.stop()
      try eventually { !isListening(path) }
      #expect(!service.hasEnded.isSet)
      mayEnd.set()
      #expect(try peer.client.rest() == ["done"])
      #expect(Self.endsSoon(service))
    }
  }

  @Test(arguments: HandlerKind.allCases) func deadlineEndsConnectionsInTheMiddleOfAFrame(kind: HandlerKind) async throws
  {
    let directory = try TemporaryDirectory()
    let (path, setup) = (directory("s"), Setup())
    try await withService(at: path, setup, by: .commands(kind)) { service in
      let peer = try Peer(path)
      try peer.client.send("half")
      try eventually { service.counters.bytesReceived == 4 }
      let begun = ContinuousClock.now
      setup.stop.stop(deadline: .after(.milliseconds(60)))
      #expect(Self.endsSoon(service))
      #expect(ContinuousClock.now - begun >= .milliseconds(60))
      #expect(service.counters.open == 0)
      #expect(service.counters.failed == 0)
    }
  }

  @Test func deadlineCancelsAHandlerThatWaitsForSomethingElse() async throws {
    let directory = try TemporaryDirectory()
    let (path, setup, hasBegun) = (directory("s"), Setup(), Flag())
    let ended = Log<String>()
    let answerer = Answerer { (connection: consuming Connection) in
      _ = try await connection.nextLine()
      hasBegun.set()
      do { while true { try await Task.sleep(for: .milliseconds(10)) } } catch { ended.append("\(error)") }
    }
    try await withService(at: path, setup, by: answerer) { service in
      let peer = try Peer(path)
      try peer.client.send("work\n")
      try hasBegun.wait()
      setup.stop.stop(deadline: .after(.milliseconds(20)))
      // Nobody else cancels it before this.
      #expect(Self.endsSoon(service), "the handler was not cancelled")
      #expect(ended.entries == ["CancellationError()"])
    }
  }

  @Test(arguments: HandlerKind.allCases) func stopFromInsideAHandler(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let (path, setup) = (directory("s"), Setup())
    let stop = setup.stop
    let answerer =
      switch kind {
      case .reply:
        Answerer(
          ReplyHandler { frame, reply in
            if text(frame) == "stop" { stop.stop() }
            reply.writeLine(frame)
          })
      case .task:
        Answerer { (connection: consuming Connection) in
          while let line = try await connection.nextLine(as: [UInt8].self) {
            if line == Array("stop".utf8) { stop.stop() }
            try await connection.writeLine(line)
          }
        }
      }
    try await withService(at: path, setup, by: answerer) { service in
      let (stopping, other) = (try Peer(path), try Peer(path))
      #expect(try other.ask("hello") == "hello")
      #expect(!stop.isStopped)
      try stopping.client.send("first\nstop\n")
      #expect(try stopping.client.line() == "first")
      #expect(try stopping.client.line() == "stop")
      #expect(stop.isStopped)
      #expect(Self.endsSoon(stopping))
      #expect(Self.endsSoon(other))
      #expect(Self.endsSoon(service))
    }
    #expect(entries(of: directory.path) == ["s.lock"])
  }

  @Test(arguments: HandlerKind.allCases) func stoppedBeforeItBegins(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let (path, setup) = (directory("s"), Setup())
    setup.stop.stop()
    try await withService(at: path, setup, by: .commands(kind)) { service in
      #expect(Self.endsSoon(service))
      #expect(!isListening(path))
      #expect(service.counters.accepted == 0)
    }
    #expect(entries(of: directory.path) == ["s.lock"])
  }

  @Test func stoppedTwiceKeepsTheFirstDeadlineAndAfterTheEndDoesNothing() async throws {
    let directory = try TemporaryDirectory()
    let (path, setup) = (directory("s"), Setup())
    try await withService(at: path, setup, by: .commands(.task)) { service in
      let peer = try Peer(path)
      try peer.client.send("half")
      try eventually { service.counters.bytesReceived == 4 }
      setup.stop.stop(deadline: .after(.milliseconds(20)))
      setup.stop.stop(deadline: .never)
      #expect(Self.endsSoon(service))
      setup.stop.stop()
    }
  }

  @Test(arguments: HandlerKind.allCases) func firstWordOfWhoHasConnectedIsHeard(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let setup = Setup { $0.lastWordTime = .seconds(60) }
    try await withService(at: path, setup, by: .commands(kind)) { service in
      let (late, said) = (try Peer(path), try Peer(path))
      #expect(try said.ask("hello") == "hello")
      try eventually { service.counters.open == 2 }
      setup.stop.stop()
      // Whoever has had an answer has not just connected.
      #expect(Self.endsSoon(said))
      #expect(!isListening(path))
      #expect(try late.ask("late") == "late")
      #expect(Self.endsSoon(late), "not ended after its first word")
      #expect(Self.endsSoon(service))
      #expect(service.counters.failed == 0)
    }
  }

  @Test(arguments: HandlerKind.allCases) func whoSaysNothingIsWaitedForAMoment(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    for time in [Duration.zero, .milliseconds(20)] {
      let setup = Setup { $0.lastWordTime = time }
      try await withService(at: path, setup, by: .commands(kind)) { service in
        let silent = try Peer(path)
        try eventually { service.counters.open == 1 }
        setup.stop.stop()
        #expect(Self.endsSoon(silent) && Self.endsSoon(service))
        #expect(service.counters.failed == 0 && service.counters.deadlinesPassed == 0)
      }
    }
  }

  // MARK: Cancellation

  @Test(arguments: HandlerKind.allCases) func drainTimeLetsAFrameEndAfterCancellation(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Setup { $0.drainTime = .seconds(60) }, by: .commands(kind)) { service in
      let (busy, idle) = (try Peer(path), try Peer(path))
      #expect(try idle.ask("hello") == "hello")
      try busy.client.send("half")
      try eventually { service.counters.bytesReceived == 10 }
      service.cancel()
      #expect(Self.endsSoon(idle))
      #expect(!isListening(path))
      #expect(try busy.ask(" a line") == "half a line")
      #expect(Self.endsSoon(busy), "not ended after its frame")
      #expect(Self.endsSoon(service))
    }
  }

  @Test func drainTimeLetsAHandlersWorkEndAfterCancellation() async throws {
    let directory = try TemporaryDirectory()
    let (path, hasBegun, isDrained) = (directory("s"), Flag(), Flag())
    let answerer = Answerer { (connection: consuming Connection) in
      _ = try await connection.nextLine()
      hasBegun.set()
      while !isDrained.isSet { try await Task.sleep(for: .milliseconds(1)) }
      try await connection.write(Task.isCancelled ? "cancelled\n" : "done\n")
    }
    try await withService(at: path, Setup { $0.drainTime = .seconds(60) }, by: answerer) { service in
      let peer = try Peer(path)
      try peer.client.send("work\n")
      try hasBegun.wait()
      service.cancel()
      try eventually { !isListening(path) }
      isDrained.set()
      #expect(try peer.client.rest() == ["done"])
    }
  }

  @Test(arguments: HandlerKind.allCases) func drainTimeEnds(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Setup { $0.drainTime = .milliseconds(60) }, by: .commands(kind)) { service in
      let peer = try Peer(path)
      try peer.client.send("half")
      try eventually { service.counters.bytesReceived == 4 }
      let begun = ContinuousClock.now
      service.cancel()
      #expect(Self.endsSoon(service))
      #expect(ContinuousClock.now - begun >= .milliseconds(60))
    }
  }
}
