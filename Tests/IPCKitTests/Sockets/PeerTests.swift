// What the kernel tells of a peer, beside what the peer knows of itself: processes of another user, in another pid
// namespace, and gone.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct PeerTests {
  private static let soon = Duration.seconds(60)

  @Test func peerOfAPairIsThisProcess() throws {
    let pair = try socketPair()
    let peer = try pair.left.peer()
    let own = try pair.left.peerCredentials()
    #expect(peer.credentials == own)
    #expect(own.processID == getpid())
    var groups = [UInt32](repeating: 0, count: 1024)
    // getgroups stores at most as many.
    let count = unsafe Int(getgroups(Int32(groups.count), &groups))
    #expect(try peer.groups.sorted() == groups.prefix(count).sorted())
  }

  @Test func factsOfWhatIsNoConnection() throws {
    let directory = try TemporaryDirectory()
    let pipe = try Pipe()
    let unconnected = try boundSocket(directory("s"))
    let nobody = try unconnected.peer()
    #expect(nobody.credentials.processID == 0)
    #expect(systemFailure { _ = try nobody.groups }?.errno == ENODATA)
    #expect(systemFailure { _ = try nobody.openProcess() }?.errno == ENODATA)
    #expect(systemFailure { _ = try pipe.reading.peer() }?.errno == ENOTSOCK)
  }

  @Test(.asRoot, arguments: [0, 1, 2, 63, 64, 65, 200]) func groupsAreAllOfThem(count: Int) async {
    await #expect(processExitsWith: .success) { [count = count as Int] in
      let name = UnixAddress.abstract("ipckit/\(getpid())/groups")
      let expected = (0..<UInt32(count)).map { 5000 + $0 }
      let listener = try UnixListener(binding: name)
      let client = ForkedChild {
        guard (try? becomeStranger(groups: expected)) != nil else { return 1 }
        guard (try? UnixStream(connectingTo: name)) != nil else { return 2 }
        return 0
      }
      let accepted = try listener.accept(deadline: .after(PeerTests.soon))
      let peer = try accepted.peer()
      #expect(peer.credentials.userID == strangerID && peer.credentials.groupID == strangerID)
      #expect(peer.credentials.processID == client.processID)
      #expect(try peer.groups.sorted() == expected)
      #expect(client.wait() == 0)
    }
  }

  @Test func securityLabelIsTheProcessesOwn() throws {
    let pair = try socketPair()
    let label = try pair.left.peer().securityLabel
    // Without a security module that labels, reading is EINVAL and there is no label.
    let own = try? contents(of: "/proc/self/attr/current").prefix { $0 != "\0" && $0 != "\n" }
    #expect(label == own.map(String.init) || label == nil)
  }

  @Test func processIsAPidfdOfThePeer() async {
    await #expect(processExitsWith: .success) {
      let name = UnixAddress.abstract("ipckit/\(getpid())/process")
      let listener = try UnixListener(binding: name)
      let client = ForkedChild {
        guard (try? UnixStream(connectingTo: name)) != nil else { return 1 }
        while true { pause() }
      }
      let accepted = try listener.accept(deadline: .after(PeerTests.soon))
      guard let process = try accepted.peer().openProcess() else { throw IPCError.endOfFile }
      #expect(try process.isCloseOnExec)
      let number = unsafe process.withUnsafeNumber { $0 }
      #expect(try contents(of: "/proc/self/fdinfo/\(number)").contains("Pid:\t\(client.processID)\n"))
      client.kill()
      #expect(client.wait() == -SIGKILL)
      // A process that was reaped is told of, or its end is; nothing else is named.
      let gone = systemFailure { _ = try accepted.peer().openProcess() }
      #expect(gone == nil || [ESRCH, EINVAL].contains(gone?.errno))
      #expect(try accepted.peer().credentials.startTime == nil)
    }
  }

  @Test func processLeavesNothingOpen() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let pair = try socketPair()
        try quiet.expectNothingLeftOpen(needing: 1) { _ = try pair.left.peer().openProcess() }
        try quiet.expectNothingLeftOpen(needing: 1) { _ = try pair.left.peer().credentials.startTime }
      }
    }
  }

  @Test(.asRoot) func peerOutsideThePIDNamespaceHasNumberZero() async {
    await #expect(processExitsWith: .success) {
      let name = UnixAddress.abstract("ipckit/\(getpid())/namespace")
      let ready = try Pipe()
      let report = try Pipe()
      // The server is inside, where this process has no number.
      let outer = ForkedChild {
        guard (try? leavePIDNamespace()) != nil else { return 1 }
        let server = ForkedChild {
          do {
            let listener = try UnixListener(binding: name)
            try ready.writing.writeAll("ready\n")
            let accepted = try listener.accept(deadline: .after(PeerTests.soon))
            let peer = try accepted.peer()
            let found = peer.credentials
            let process = try peer.openProcess()
            let admitted = try PeerPolicy.sameUser.admits(peer)
            let known = "\(found.processID) \(found.userID) \(String(describing: try found.startTime))"
            try report.writing.writeAll("\(getpid()) \(known) \(process == nil) \(admitted)\n")
            return 0
          } catch {
            return 2
          }
        }
        return server.wait()
      }
      var isReady = BufferedReader(ready.intoReading())
      var reported = BufferedReader(report.intoReading())
      #expect(try isReady.nextLine(as: String.self, deadline: .after(PeerTests.soon)) == "ready")
      let stream = try UnixStream(connectingTo: name)
      let line = try reported.nextLine(as: String.self, deadline: .after(PeerTests.soon))
      #expect(line == "1 0 0 nil false true")
      // From outside the one inside has a number, though not the one that it knows.
      #expect(try stream.descriptor.peerCredentials().processID > 1)
      #expect(outer.wait() == 0)
    }
  }
}
