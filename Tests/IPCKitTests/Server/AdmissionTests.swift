// How many clients there may be, in total and of one user; who is one too many sees an end, and counts.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct AdmissionTests {
  enum Crowd: CaseIterable, Sendable {
    case total, ofOneUser

    var refusal: Server.Refusal { self == .total ? .tooManyConnections : .tooManyOfOneUser }
  }

  @Test(arguments: HandlerKind.allCases, Crowd.allCases)
  func oneTooManySeesAnEndAndOneMoreComesWhenAnotherHasLeft(kind: HandlerKind, crowd: Crowd) async throws {
    let directory = try TemporaryDirectory()
    let (path, events) = (directory("s"), Log<String>())
    var setup = Setup {
      // By default one user would have half of them.
      if crowd == .total { $0.connections = 3 }
      $0.connectionsPerUser = crowd == .total ? .max : 3
    }
    setup.observe = { events.append(describe($0)) }
    try await withService(at: path, setup, by: .commands(kind)) { service in
      // A silent one counts as much as those who talk.
      var peers = try (0..<3).map { _ in try Peer(path) }
      for (index, peer) in peers.dropFirst().enumerated() { #expect(try peer.ask("\(index)") == "\(index)") }
      for number in 1...4 {
        let tooMany = try Peer(path)
        #expect(try tooMany.client.rest() == [])
        #expect(service.counters.refused(for: crowd.refusal) == number)
      }
      #expect(service.counters.open == 3)
      for round in 0..<3 {
        peers.removeFirst()
        try eventually { service.counters.open == 2 }
        let late = try Peer(path)
        #expect(try late.ask("late \(round)") == "late \(round)")
        peers.append(late)
      }
      #expect(service.counters.accepted == 10)
      let others = Server.Refusal.allCases.filter { $0 != crowd.refusal }
      #expect(others.allSatisfy { service.counters.refused(for: $0) == 0 })
      #expect(service.counters.failed == 0)
    }
    let user = crowd == .total ? "?" : "\(geteuid())"
    #expect(events.entries == Array(repeating: "refused \(crowd.refusal) \(user)", count: 4))
  }

  @Test(arguments: HandlerKind.allCases) func whoIsNotAllowedCountsAndTakesNobodysPlace(kind: HandlerKind) async throws
  {
    let directory = try TemporaryDirectory()
    let (path, admits) = (directory("s"), Flag())
    var setup = Setup { $0.connectionsPerUser = 1 }
    setup.policy = PeerPolicy { _ in admits.isSet }
    try await withService(at: path, setup, by: .commands(kind)) { service in
      for number in 1...3 {
        let refused = try Peer(path)
        #expect(try refused.client.rest() == [])
        #expect(service.counters.refused(for: .notAllowed) == number)
      }
      admits.set()
      let peer = try Peer(path)
      #expect(try peer.ask("let in") == "let in")
      #expect(service.counters.refused(for: .tooManyOfOneUser) == 0)
      #expect(service.counters.open == 1)
    }
  }

  @Test(.unlessForkedLoopsAreDeaf, arguments: HandlerKind.allCases)
  func byDefaultOneUserHasHalfOfThreeQuarters(kind: HandlerKind) async {
    // The kinds are two processes, since an exit test's body captures nothing.
    switch kind {
    case .reply:
      await #expect(processExitsWith: .success) { try Self.fillsUpToItsShare(.reply) }
    case .task:
      await #expect(processExitsWith: .success) { try Self.fillsUpToItsShare(.task) }
    }
  }

  private static func fillsUpToItsShare(_ kind: HandlerKind) throws {
    try inQuietProcess { quiet in
      let directory = try TemporaryDirectory()
      let path = directory("s")
      var limit = try DescriptorLimit.current()
      limit.soft = 200
      try limit.apply()
      // Three quarters of 200 are 150, and half of them 75; the clients' ends are this process's too.
      try serveQuietly(path, by: .commands(kind)) { service in
        let peers = try (0..<75).map { _ in try Peer(path) }
        for peer in peers { quiet.expect(try peer.ask("in"), is: "in") }
        let tooMany = try Peer(path)
        quiet.expect(try tooMany.client.rest(), is: [])
        quiet.expect(service.counters.refused(for: .tooManyOfOneUser), is: 1)
        withExtendedLifetime(peers) {}
      }
    }
  }

  @Test func crowdIsCountedOverAllListeners() async throws {
    let directory = try TemporaryDirectory()
    let (first, second) = (directory("a"), directory("b"))
    try await withLoop { loop in
      var limits = ServerLimits()
      limits.connections = 2
      limits.connectionsPerUser = 2
      let counters = Log<ServerCounters>()
      let serving = Task.immediate(executorPreference: loop) { [limits] in
        var server = Server(try UnixListener(binding: .path(first)), on: loop, limits: limits)
        server.add(try UnixListener(binding: .path(second)))
        counters.append(server.counters)
        try await server.run(echo)
      }
      try await onOwnThread {
        let (one, two) = (try Peer(first), try Peer(second))
        #expect(try one.ask("by the first") == "by the first")
        #expect(try two.ask("by the second") == "by the second")
        for path in [first, second] {
          let tooMany = try Peer(path)
          #expect(try tooMany.client.rest() == [])
        }
      }
      #expect(counters.entries.first?.refused(for: .tooManyConnections) == 2)
      serving.cancel()
      try await serving.value
    }
    #expect(entries(of: directory.path) == ["a.lock", "b.lock"])
  }
}
