// Who is let in, told by credentials that the kernel gave: of this user, and of others, who are real processes at either
// end.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct PeerPolicyTests {
  private static let soon = Duration.seconds(60)

  @Test func oneselfIsAdmittedByAllButAStrangersRule() throws {
    let pair = try socketPair()
    let me = try pair.left.peer()
    let admitted: [PeerPolicy] = [
      .sameUser, .sameUserOrRoot, .anyone, .users([12345, geteuid()]), .groups([getegid()]),
      .users([12345]).or(.sameUser), .sameUser.or(.users([12345])), .sameUser.and(.groups([getegid()])),
      .anyone.and(.sameUser), .sameUser.and(.anyone), .users([]).or(.anyone), .anyone.or(.users([])),
      PeerPolicy { $0.credentials.processID == getpid() },
    ]
    let refused: [PeerPolicy] = [
      .users([]), .users([12345]), .groups([]), .groups([12345]), .users([12345]).or(.groups([12345])),
      .sameUser.and(.users([12345])), .users([12345]).and(.sameUser), .anyone.and(.users([])), .users([]).and(.anyone),
      PeerPolicy { $0.credentials.userID != geteuid() },
    ]
    for (index, policy) in admitted.enumerated() { #expect(try policy.admits(me), "\(index)") }
    for (index, policy) in refused.enumerated() { #expect(try !policy.admits(me), "\(index)") }
  }

  @Test func secondHalfIsAskedOnlyWhereItDecides() throws {
    let pair = try socketPair()
    let (me, asked) = (try pair.left.peer(), Flag())
    let curious = PeerPolicy { _ in
      asked.set()
      return true
    }
    #expect(try PeerPolicy.sameUser.or(curious).admits(me))
    #expect(try PeerPolicy.anyone.or(curious).admits(me))
    #expect(try !PeerPolicy.users([]).and(curious).admits(me))
    #expect(!asked.isSet)
    #expect(try PeerPolicy.sameUser.and(curious).admits(me))
    #expect(asked.isSet)
  }

  @Test(.asRoot) func anotherUser() async {
    await #expect(processExitsWith: .success) {
      // The kernel notes who makes the pair.
      #expect(seteuid(4321) == 0)
      let pair = try socketPair()
      #expect(seteuid(0) == 0)
      let stranger = try pair.left.peer()
      #expect(stranger.credentials.userID == 4321)
      #expect(try !PeerPolicy.sameUser.admits(stranger))
      #expect(try !PeerPolicy.sameUserOrRoot.admits(stranger))
      #expect(try !PeerPolicy.root.admits(stranger))
      #expect(try PeerPolicy.users([4321]).admits(stranger))
      #expect(try !PeerPolicy.users([4322]).admits(stranger))
      #expect(try PeerPolicy.anyone.admits(stranger))
    }
  }

  @Test(.asRoot) func rootSeenByAnotherUser() async {
    await #expect(processExitsWith: .success) {
      let pair = try socketPair()
      let root = try pair.left.peer()
      #expect(seteuid(4321) == 0)
      #expect(try !PeerPolicy.sameUser.admits(root))
      #expect(try PeerPolicy.sameUserOrRoot.admits(root))
      #expect(try PeerPolicy.root.admits(root))
      #expect(seteuid(0) == 0)
    }
  }

  // MARK: A stranger at the door

  /// Who comes, and to which door.
  enum Visit: String, CaseIterable, Codable {
    case otherUser, listedUser, otherGroup, primaryGroup, supplementaryGroup, unclear

    var policy: PeerPolicy {
      switch self {
      case .otherUser: .sameUserOrRoot
      case .listedUser: .sameUser.or(.users([strangerID]))
      case .otherGroup: .groups([5003])
      case .primaryGroup: .groups([5003, strangerID])
      case .supplementaryGroup: .groups([5003, 5002])
      case .unclear: PeerPolicy { _ throws(SystemError) in throw SystemError(errno: EIO, operation: "ask") }
      }
    }

    var isLetIn: Bool { [.listedUser, .primaryGroup, .supplementaryGroup].contains(self) }
  }

  @Test(.asRoot, arguments: Visit.allCases) func serverLetsInWhomItsPolicyTrusts(visit: Visit) async {
    await #expect(processExitsWith: .success) { [visit = visit as Visit] in
      let directory = try TemporaryDirectory()
      let open = try Gate()
      let (path, events) = (directory("s"), Log<String>())
      try changeMode(directory.path, 0o755)
      let stranger = ForkedChild {
        do {
          try becomeStranger(groups: [5001, 5002])
          open.enter()
          var client = try Client(path)
          try client.send("hello\n")
          return try client.line() == "hello" ? 0 : 1
        } catch {
          // The server has closed with our line unread, or before it was sent.
          guard case .system(let error) = error as? IPCError else { return 3 }
          return error.errno == EPIPE || error.errno == ECONNRESET ? 1 : 2
        }
      }
      let status = try await withServer(
        at: path, admitting: visit.policy, observe: { events.append(describe($0)) }, echo
      ) {
        try changeMode(path, 0o666)
        open.open(for: 1)
        return stranger.wait()
      }
      #expect(status == (visit.isLetIn ? 0 : 1))
      let expected = visit == .unclear ? "failed ask: Input/output error" : "refused notAllowed \(strangerID)"
      #expect(events.entries == (visit.isLetIn ? [] : [expected]))
    }
  }

  @Test(.asRoot) func plantedSocketHearsNothing() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let ready = try Pipe()
      let path = directory("s")
      try changeMode(directory.path, 0o777)
      let planter = ForkedChild {
        do {
          try becomeStranger()
          let listener = try UnixListener(binding: .path(path), mode: 0o666)
          try ready.writing.writeAll("ready\n")
          for _ in 0..<2 {
            let victim = try listener.accept(deadline: .after(PeerPolicyTests.soon))
            try victim.setNonBlocking(false)
            guard try readOnce(victim, 100).isEmpty else { return 1 }
          }
          let friend = try listener.accept(deadline: .after(PeerPolicyTests.soon))
          try friend.setNonBlocking(false)
          return try readOnce(friend, 100) == Array("hello".utf8) ? 0 : 2
        } catch {
          return 3
        }
      }
      var reader = BufferedReader(ready.intoReading())
      #expect(try reader.nextLine(as: String.self, deadline: .after(PeerPolicyTests.soon)) == "ready")
      for policy in [PeerPolicy.sameUserOrRoot, .groups([5001])] {
        let ended = ipcFailure {
          try UnixStream(connectingTo: .path(path), trusting: policy).descriptor.writeAll("secret")
        }
        guard case .peer(.notAllowed(let who)) = ended else {
          Issue.record("\(String(describing: ended))")
          return
        }
        #expect(who.userID == strangerID && who.processID == planter.processID)
      }
      let stream = try UnixStream(connectingTo: .path(path), trusting: .users([strangerID]))
      try stream.descriptor.writeAll("hello")
      #expect(planter.wait() == 0)
    }
  }

  @Test func ruleThatCannotTellIsAFailure() throws {
    let directory = try TemporaryDirectory()
    let listener = try boundSocket(directory("s"), backlog: 1)
    let unclear = PeerPolicy { _ throws(SystemError) in throw SystemError(errno: EIO, operation: "ask") }
    let ended = ipcFailure { _ = try UnixStream(connectingTo: .path(directory("s")), trusting: unclear) }
    #expect(ended == .system(SystemError(errno: EIO, operation: "ask")))
    _ = listener
  }
}
