// Clients that send more descriptors than a server takes, or any to one that takes none, and a server that has no room for
// them: it ends that connection alone, and nothing stays open.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ServerMessageLimitTests {
  /// Whether this kernel lets a socket refuse descriptors.
  private static let canRefuse = (try? socketPair().intoLeft().set(.descriptors, 0)) == true

  @Test(arguments: HandlerKind.allCases, [1, 2]) func floodEndsItsConnectionAlone(
    kind: HandlerKind, limit: Int
  ) async throws {
    let directory = try TemporaryDirectory()
    let (path, events) = (directory("s"), Log<String>())
    let answerer = kind == .task ? ServerMessagesTests.naming : ServerMessagesTests.switching
    try await withService(at: path, ServerMessagesTests.setup(limit, events: events), by: answerer) { service in
      let (steady, flooding) = (try Peer(path), try Peer(path))
      let (freight, more) = (try Freight(100), try Freight(limit))
      #expect(try steady.ask("before") == "before")
      #expect(try flooding.ask("before") == "before")
      try flooding.send("flood", passing: freight.take())
      try eventually { service.counters.failed == 1 && service.counters.open == 1 }
      try freight.untilAllAreGone()
      // A connection may have ended before that is reported.
      try eventually { !events.entries.isEmpty }
      #expect(events.entries == ["failed more descriptors than the limit of \(limit)"])
      // Said to who still sends, and no descriptor of whose is kept.
      _ = failure { try flooding.send("more", passing: more.take()) }
      try more.untilAllAreGone()
      try steady.send("after", lending: try more.descriptors.isEmpty ? nulls(1) : DescriptorList())
      #expect(try steady.client.line()?.hasPrefix("after") == true)
    }
  }

  @Test(arguments: HandlerKind.allCases) func endlessFrameCannotCollectThem(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let (path, events) = (directory("s"), Log<String>())
    let answerer = kind == .task ? ServerMessagesTests.naming : ServerMessagesTests.switching
    try await withService(at: path, ServerMessagesTests.setup(2, events: events), by: answerer) { service in
      let peer = try Peer(path)
      let freight = try Freight(1)
      _ = failure {
        while service.counters.failed == 0 {
          try peer.client.reader.descriptor.send("more", lending: freight.descriptors)
        }
      }
      try eventually { service.counters.open == 0 }
      // A connection may have ended before that is reported.
      try eventually { !events.entries.isEmpty }
      #expect(events.entries == ["failed more descriptors than the limit of 2"])
      _ = freight.take()
      try freight.untilAllAreGone()
    }
  }

  /// Two batches for a frame that is then complete: it is not handed out without them.
  @Test(arguments: HandlerKind.allCases, ["two\n", "two"]) func frameOfTwoBatchesThatAreTooManyIsNotAnswered(
    kind: HandlerKind, end: String
  ) async throws {
    let directory = try TemporaryDirectory()
    let (path, events) = (directory("s"), Log<String>())
    let answerer = kind == .task ? ServerMessagesTests.naming : ServerMessagesTests.switching
    try await withService(at: path, ServerMessagesTests.setup(1, events: events), by: answerer) { service in
      let (peer, freight) = (try Peer(path), try Freight(2))
      try peer.client.reader.descriptor.send("one ", passing: try freight.copy(0))
      try peer.client.reader.descriptor.send(end, passing: try freight.copy(1))
      try peer.client.endSending()
      _ = freight.take()
      try freight.untilAllAreGone()
      try eventually { service.counters.open == 0 }
      // A connection may have ended before that is reported.
      try eventually { !events.entries.isEmpty }
      #expect(events.entries == ["failed more descriptors than the limit of 1"])
      #expect(service.counters.bytesSent == 0)
    }
  }

  @Test func handlerThatAsksAgainIsToldAgain() async throws {
    let directory = try TemporaryDirectory()
    let (path, errors) = (directory("s"), Log<IPCError>())
    let answerer = Answerer { (connection: consuming Connection) in
      _ = try await connection.nextLine()
      try await connection.write("go on\n")
      for _ in 0..<3 {
        do throws(IPCError) { _ = try await connection.nextLine() } catch { errors.append(error) }
      }
      try await connection.write("\(names(of: connection.takeDescriptors()).count)\n")
    }
    try await withService(at: path, ServerMessagesTests.setup(1), by: answerer) { _ in
      let peer = try Peer(path)
      // What is there of the frame is no last one.
      #expect(try peer.ask("first") == "go on")
      try peer.client.send("begin ")
      try peer.send("end", lending: try nulls(2))
      #expect(try peer.client.line() == "0")
      let expected = IPCError.peer(.tooManyDescriptors(limit: 1))
      #expect(errors.entries == Array(repeating: expected, count: 3))
    }
  }

  // MARK: None

  @Test(.enabled(if: canRefuse, "SO_PASSRIGHTS comes with Linux 6.16"), arguments: HandlerKind.allCases)
  func serverThatTakesNoneHasThemRefused(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, by: .commands(kind)) { service in
      let (peer, freight) = (try Peer(path), try Freight(1))
      for _ in 0..<2 {
        #expect(systemFailure { try peer.send("frame", lending: freight.descriptors) }?.errno == EPERM)
        #expect(try peer.ask("hello") == "hello")
      }
      #expect(service.counters.failed == 0)
    }
  }

  @Test(arguments: HandlerKind.allCases) func serverThatTakesNoneLetsGoOfThoseSentBeforeItBegan(
    kind: HandlerKind
  ) async throws {
    let directory = try TemporaryDirectory()
    let (path, freight) = (directory("s"), try Freight(2))
    try await withLoop { loop in
      let listener = try boundSocket(path, backlog: 4).release()
      let peer = try Peer(path)
      try peer.send("early", passing: freight.take())
      let server = Task.immediate(executorPreference: loop) {
        // Released above, for this task.
        let listener = try UnixListener(inheriting: unsafe FileDescriptor(owning: listener))
        try await Answerer.commands(kind).run(Server(listener, on: loop), startingAt: .firstByte)
      }
      try await onOwnThread {
        #expect(try peer.client.line() == "early")
        try freight.untilAllAreGone()
        #expect(try peer.ask("and on") == "and on")
      }
      server.cancel()
      try await server.value
    }
  }

  // MARK: Conversations that end

  @Test func whatNobodyTookIsClosedBeforeTheFarewellIsOver() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let answerer = Answerer { (connection: consuming Connection) in
      _ = try await connection.nextLine()
      try await connection.write("bye\n")
      connection.finish(deadline: .after(.seconds(600)))
    }
    try await withService(at: path, ServerMessagesTests.setup(), by: answerer) { service in
      let (peer, taken, unread) = (try Peer(path), try Freight(1), try Freight(3))
      try peer.send("read", passing: taken.take())
      #expect(try peer.client.rest() == ["bye"])
      try taken.untilAllAreGone()
      // What still comes is drained, behind each boundary too.
      for position in 0..<3 { try peer.send("unread", passing: try unread.copy(position)) }
      _ = unread.take()
      try unread.untilAllAreGone()
      #expect(service.counters.open == 1)
      try peer.client.endSending()
      try eventually { service.counters.open == 0 }
    }
  }
}
