// A handler that waits for its peer and for something else at once: which of them comes first, and that neither is missed.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct UntilReadableTests {
  /// What a handler has seen, and the moment when its body runs.
  private final class Story: Sendable {
    let found = Log<String>()
    let isWaiting = Flag()
    let mayEnd = Flag()

    /// Waits for the peer, and else for the flag.
    nonisolated(nonsending) func wait(_ connection: borrowing Connection) async {
      let loop = connection.loop
      let result = await connection.untilReadable { [self] in
        isWaiting.set()
        while !mayEnd.isSet, !Task.isCancelled { await loop.sleep(until: .after(.milliseconds(1))) }
        return mayEnd.isSet ? "done" : "cancelled"
      }
      found.append(result ?? "peer")
    }

    /// Notes the next line.
    nonisolated(nonsending) func read(_ connection: inout Connection) async throws {
      found.append(text(try await connection.nextLine()) ?? "end")
    }
  }

  /// One client and one handler that begins with the connection.
  private func tell(
    _ story: Story, _ setup: Setup = Setup(), handler: @escaping Handler,
    client: @escaping @Sendable (Peer, Service) throws -> Void
  ) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    var setup = setup
    setup.start = .connection
    let hasEnded = Flag()
    let answerer = Answerer { (connection: consuming Connection) in
      defer { hasEnded.set() }
      try await handler(connection)
    }
    try await withService(at: path, setup, by: answerer) { service in
      let peer = try Peer(path)
      try client(peer, service)
      try hasEnded.wait()
      // Its own end must not come first.
      withExtendedLifetime(peer) {}
    }
  }

  /// A handler that waits between two lines, or before both, and a client that writes the second after `meanwhile`.
  private func readWaitRead(
    _ story: Story, afterARead: Bool, meanwhile: @escaping @Sendable () throws -> Void = {}
  ) async throws {
    try await tell(story) { (connection: consuming Connection) in
      if afterARead { try await story.read(&connection) }
      await story.wait(connection)
      try await story.read(&connection)
    } client: { peer, _ in
      if afterARead { try peer.client.send("one\n") }
      try story.isWaiting.wait()
      try meanwhile()
      try peer.client.send("two\n")
    }
  }

  /// Before the first read, whose result nobody knows, and after one.
  @Test(arguments: [false, true]) func bodyThatEndsFirstHasItsResult(afterARead: Bool) async throws {
    let story = Story()
    try await readWaitRead(story, afterARead: afterARead) {
      story.mayEnd.set()
      try eventually { story.found.entries.last == "done" }
    }
    #expect(story.found.entries == (afterARead ? ["one"] : []) + ["done", "two"])
  }

  @Test(arguments: [false, true]) func peerThatSendsFirstCancelsTheBody(afterARead: Bool) async throws {
    let story = Story()
    try await readWaitRead(story, afterARead: afterARead)
    #expect(story.found.entries == (afterARead ? ["one"] : []) + ["peer", "two"])
  }

  @Test(arguments: [false, true]) func peerThatEndsCancelsTheBody(closes: Bool) async throws {
    let story = Story()
    try await tell(story) { (connection: consuming Connection) in
      for _ in 0..<2 {
        await story.wait(connection)
        try await story.read(&connection)
      }
      // The end stays.
      await story.wait(connection)
    } client: { peer, _ in
      try peer.client.send("one\n")
      try eventually { story.found.entries == ["peer", "one"] }
      try story.isWaiting.wait()
      if closes {
        peer.client.reader = BufferedReader(try openFile("/dev/null", O_RDONLY))
      } else {
        try peer.client.endSending()
      }
      try eventually { story.found.entries.count == 5 }
    }
    #expect(story.found.entries == ["peer", "one", "peer", "end", "peer"])
  }

  /// In the connection's memory, and still in the kernel's.
  @Test(arguments: ["one\ntwo\n", "one\nhalf"]) func whatIsUnreadComesFirstAtOnce(sent: String) async throws {
    let story = Story()
    try await tell(story) { (connection: consuming Connection) in
      try await story.read(&connection)
      await story.wait(connection)
      let hasUnread = connection.hasUnreadBytes
      #expect(hasUnread)
    } client: { peer, _ in
      try peer.client.send(sent)
    }
    #expect(story.found.entries == ["one", "peer"])
    #expect(!story.isWaiting.isSet)
  }

  @Test func whatTheKernelHasComesFirstAtOnce() async throws {
    let (story, hasSent) = (Story(), Flag())
    try await tell(story) { (connection: consuming Connection) in
      // Holds the loop, so that no event is taken.
      try hasSent.wait()
      await story.wait(connection)
      try await story.read(&connection)
    } client: { peer, _ in
      try peer.client.send("one\n")
      hasSent.set()
    }
    #expect(story.found.entries == ["peer", "one"])
    #expect(!story.isWaiting.isSet)
  }

  /// A read that ended where descriptors were sent may have left more, and has not.
  @Test func afterDescriptorsTheBodyRuns() async throws {
    let (story, freight) = (Story(), try Freight(1))
    try await tell(story, Setup { $0.descriptorsPerFrame = 1 }) { (connection: consuming Connection) in
      for _ in 0..<2 {
        try await story.read(&connection)
        await story.wait(connection)
      }
    } client: { peer, _ in
      try peer.send("one", lending: freight.descriptors)
      try story.isWaiting.wait()
      try peer.send("two", lending: freight.descriptors)
      try eventually { story.found.entries.count == 3 }
      story.mayEnd.set()
    }
    #expect(story.found.entries == ["one", "peer", "two", "done"])
  }

  // MARK: The server's end

  @Test func cancelledServerCancelsTheBody() async throws {
    let story = Story()
    try await tell(story) { (connection: consuming Connection) in
      await story.wait(connection)
    } client: { _, service in
      try story.isWaiting.wait()
      service.cancel()
      try service.hasEnded.wait()
    }
    #expect(story.found.entries == ["cancelled"])
  }

  @Test func stoppedServerEndsTheWaitAndTheConversation() async throws {
    let (story, setup) = (Story(), Setup())
    try await tell(story, setup) { (connection: consuming Connection) in
      await story.wait(connection)
      try await story.read(&connection)
      // It was told once, and needs not be told again.
      await story.wait(connection)
    } client: { _, service in
      try story.isWaiting.wait()
      setup.stop.stop()
      #expect(ServerStopTests.endsSoon(service))
    }
    #expect(story.found.entries == ["peer", "end", "peer"])
  }

  // MARK: Time

  @Test func noTimeLimitOfTheServersCountsMeanwhile() async throws {
    let story = Story()
    let setup = Setup {
      $0.idleTime = .milliseconds(5)
      $0.firstByteTime = .milliseconds(5)
    }
    try await tell(story, setup) { (connection: consuming Connection) in
      await story.wait(connection)
      do throws(IPCError) { _ = try await connection.nextLine() } catch { story.found.append("\(error)") }
    } client: { _, service in
      try story.isWaiting.wait()
      // Ten times as long as either limit; there is nothing to wait for.
      usleep(50_000)
      #expect(service.counters.deadlinesPassed == 0)
      story.mayEnd.set()
    }
    #expect(story.found.entries == ["done", "read: the deadline has passed"])
  }

  /// What was collected for the peer is sent meanwhile, and a peer that takes none of it ends the wait.
  @Test func peerThatDoesNotReadEndsTheWait() async throws {
    let (story, room) = (Story(), try roomOfASocket())
    let setup = Setup { $0.stallTime = .milliseconds(30) }
    try await tell(story, setup) { (connection: consuming Connection) in
      // The first answer leaves little room, and the second is collected because the third line waits already.
      for length in [room - 20_000, 60_000] {
        _ = try await connection.nextLine()
        try await connection.write([UInt8](repeating: 120, count: length))
      }
      _ = try await connection.nextLine()
      await story.wait(connection)
      do throws(IPCError) { _ = try await connection.write("x") } catch { story.found.append("\(error)") }
    } client: { peer, _ in
      try peer.client.send("1\n2\n3\n")
    }
    #expect(story.found.entries == ["peer", "write: the deadline has passed"])
  }

  /// How much one write puts into a socket that nobody reads.
  private func roomOfASocket() throws -> Int {
    let pair = try socketPair()
    try pair.left.setNonBlocking(true)
    // Bytes seen as raw bytes.
    return try unsafe pair.left.write([UInt8](repeating: 120, count: 1 << 20).span.bytes)
  }
}
