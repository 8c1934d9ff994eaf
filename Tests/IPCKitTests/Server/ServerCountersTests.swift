// The counts, over one session of which every number is known.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ServerCountersTests {
  @Test(arguments: HandlerKind.allCases) func everythingIsCountedOnce(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let setup = Setup {
      $0.connections = 3
      $0.connectionsPerUser = .max
      $0.frameTime = .milliseconds(50)
      $0.frameLength = 100
    }
    let counters = try await withService(at: path, setup, by: .commands(kind)) { service in
      let counters = service.counters
      #expect([counters.accepted, counters.open, counters.frames] == [0, 0, 0])
      #expect([counters.bytesReceived, counters.bytesSent] == [0, 0])
      let (one, two, three) = (try Peer(path), try Peer(path), try Peer(path))
      // Bytes: 4 in and out, three times; then 7 in, 7 out; a frame of 0, which is 1 in and out.
      for peer in [one, two, three] { #expect(try peer.ask("abc") == "abc") }
      let refused = try Peer(path)
      #expect(try refused.client.rest() == [])
      #expect([counters.accepted, counters.open, counters.frames] == [4, 3, 3])
      try one.client.send("de\nfgh\n\n")
      #expect(try one.client.line() == "de")
      #expect(try one.client.line() == "fgh")
      #expect(try one.client.line() == "")
      // The end, without a frame.
      try one.client.endSending()
      #expect(try one.client.rest() == [])
      try eventually { counters.open == 2 }
      // Too slow: 4 bytes in.
      try two.client.send("slow")
      #expect(try two.client.rest() == [])
      // The handler fails: 5 in, one frame.
      try three.client.send("fail\n")
      #expect(try three.client.rest() == [])
      try two.client.endSending()
      try three.client.endSending()
      return counters
    }
    #expect(counters.accepted == 4)
    #expect(counters.open == 0)
    #expect(counters.frames == 3 + 3 + 1)
    #expect(counters.bytesReceived == 3 * 4 + 8 + 4 + 5)
    #expect(counters.bytesSent == 3 * 4 + 8)
    #expect(counters.deadlinesPassed == 1)
    #expect(counters.failed == 2)
    #expect(counters.refused(for: .tooManyConnections) == 1)
    #expect(counters.refused(for: .notAllowed) == 0)
  }

  @Test(arguments: HandlerKind.allCases) func connectionThatLingersIsNoSecondDeadline(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, by: .commands(kind)) { service in
      // Never ends its own sending: after a second it is left alone, which is how conversations end.
      let peer = try Peer(path)
      try peer.client.send("quit\nunasked\n")
      #expect(try peer.client.rest() == ["bye"])
      try eventually { service.counters.open == 0 }
      #expect(service.counters.deadlinesPassed == 0)
      #expect(service.counters.failed == 0)
    }
  }

  @Test(arguments: HandlerKind.allCases) func aConnectionCountsAsOpenUntilItsDescriptorIsClosed(kind: HandlerKind) async
  {
    // In a process of its own, where no child has a copy of the descriptor.
    switch kind {
    case .reply: await #expect(processExitsWith: .success) { try await Self.seeEveryoneGone(.reply) }
    case .task: await #expect(processExitsWith: .success) { try await Self.seeEveryoneGone(.task) }
    }
  }

  private static func seeEveryoneGone(_ kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, by: .commands(kind)) { service in
      for _ in 0..<200 {
        let peer = try Peer(path)
        #expect(try peer.ask("quit") == "bye")
        // Without a pause: to catch it between the two.
        while service.counters.open > 0 {}
        #expect(systemFailure { try peer.client.send("y") }?.errno == EPIPE)
      }
    }
  }
}
