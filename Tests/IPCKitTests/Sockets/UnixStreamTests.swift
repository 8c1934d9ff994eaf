// Connecting: to nobody, to somebody who does not accept, to somebody who is not trusted, and what is left of each.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct UnixStreamTests {
  private static let soon = Duration.seconds(60)

  @Test func connectedSocketIsNonBlockingAndCloseOnExec() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory("s")))
    let stream = try UnixStream(connectingTo: .path(directory("s")), trusting: .sameUser, deadline: .after(Self.soon))
    #expect(try stream.descriptor.isCloseOnExec)
    #expect(try stream.descriptor.isNonBlocking)
    _ = listener
  }

  @Test func writingToAPeerWhoDoesNotReadKeepsItsDeadline() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory("s")))
    let stream = try UnixStream(connectingTo: .path(directory("s")), deadline: .after(Self.soon))
    let bytes = String(repeating: "x", count: 1 << 20)
    let ended = ipcFailure { try stream.descriptor.writeAll(bytes, deadline: .after(.milliseconds(60))) }
    #expect(ended == .deadlineExceeded(operation: "write"))
    try listener.close()
  }

  @Test func endOfSendingIsReadAsTheEnd() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory("s")))
    let stream = try UnixStream(connectingTo: .path(directory("s")), deadline: .after(Self.soon))
    var reader = BufferedReader(try listener.accept(deadline: .after(Self.soon)))
    try stream.descriptor.writeAll("all")
    try stream.descriptor.shutdownSending()
    #expect(try reader.nextLine(as: String.self, deadline: .after(Self.soon)) == "all")
    #expect(try reader.nextLine(as: String.self, deadline: .after(Self.soon)) == nil)
    // The other direction is open.
    try reader.descriptor.writeAll("back")
    var answer = BufferedReader(stream.intoDescriptor())
    #expect(try text(answer.next(exactly: 4, deadline: .after(Self.soon))) == "back")
  }

  @Test func endOfSendingOfNoSocket() throws {
    let pipe = try Pipe()
    #expect(systemFailure { try pipe.writing.shutdownSending() } == SystemError(errno: ENOTSOCK, operation: "shutdown"))
  }

  @Test func peerIsThisProcess() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory("s")))
    let stream = try UnixStream(connectingTo: .path(directory("s")), deadline: .after(Self.soon))
    let peer = try stream.descriptor.peerCredentials()
    #expect(peer.userID == geteuid() && peer.groupID == getegid() && peer.processID == getpid())
    let accepted = try listener.accept(deadline: .after(Self.soon))
    #expect(try accepted.peerCredentials() == peer)
  }

  @Test func peerOfNoSocket() throws {
    let pipe = try Pipe()
    #expect(systemFailure { _ = try pipe.reading.peerCredentials() }?.errno == ENOTSOCK)
  }

  @Test func fullBacklogEndsAtTheDeadlineWithoutSpinning() throws {
    let directory = try TemporaryDirectory()
    let listener = try boundSocket(directory("s"), backlog: 0)
    let waiting = try connectWithoutWaiting(directory("s"))
    let (used, begun) = (threadProcessorTime(), ContinuousClock.now)
    let ended = ipcFailure {
      _ = try UnixStream(connectingTo: .path(directory("s")), deadline: .after(.milliseconds(300)))
    }
    #expect(ended == .deadlineExceeded(operation: "connect \(directory("s"))"))
    #expect(ContinuousClock.now - begun >= .milliseconds(300))
    #expect(threadProcessorTime() - used < 0.1)
    try waiting.close()
    try listener.close()
  }

  @Test func fullBacklogThatEmptiesIsWaitedOut() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory("s")), backlog: 0)
    let waiting = try connectWithoutWaiting(directory("s"))
    let path = directory("s")
    let connecting = RunningThread {
      try UnixStream(connectingTo: .path(path), deadline: .after(Self.soon)).descriptor.writeAll("in\n")
    }
    // The first one makes room for the second.
    try listener.accept(deadline: .after(Self.soon)).close()
    var reader = BufferedReader(try listener.accept(deadline: .after(Self.soon)))
    #expect(try reader.nextLine(as: String.self, deadline: .after(Self.soon)) == "in")
    try connecting.join()
    _ = waiting
  }

  /// A way to fail to connect.
  enum Failure: String, CaseIterable, Codable {
    case missing, refused, emptyPath, pathWithNUL, pathTooLong, notASocket, datagram, noPermission
    case notTrusted, deadlinePassed, backlogFull
  }

  @Test(arguments: Failure.allCases) func failureLeavesNothingOpen(kind: Failure) async {
    await #expect(processExitsWith: .success) { [kind = kind as Failure] in
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        let (path, expected) = try UnixStreamTests.prepare(kind, in: directory.path)
        punchHoles()
        try quiet.expectNothingLeftOpen {
          let policy = kind == .notTrusted ? PeerPolicy { _ in false } : .anyone
          let deadline: Deadline =
            switch kind {
            case .deadlinePassed: .after(.zero)
            case .backlogFull: .after(.milliseconds(60))
            default: .never
            }
          let ended = ipcFailure { _ = try UnixStream(connectingTo: .path(path), trusting: policy, deadline: deadline) }
          switch ended {
          case .system(let error): quiet.expect(error.errno == expected && error.operation == "connect", "\(error)")
          case .peer(.notAllowed(let peer)): quiet.expect(kind == .notTrusted && peer.processID == getpid())
          case .deadlineExceeded: quiet.expect(kind == .deadlinePassed || kind == .backlogFull)
          default: quiet.expect(false, "\(String(describing: ended))")
          }
        }
        seteuid(0)
      }
    }
  }

  fileprivate static func prepare(_ kind: Failure, in directory: String) throws -> (String, Int32) {
    let path = directory + "/s"
    switch kind {
    case .missing: return (path, ENOENT)
    case .emptyPath: return ("", ENOENT)
    case .pathWithNUL: return (path + "\0", EINVAL)
    case .pathTooLong: return (path + String(repeating: "x", count: 108), ENAMETOOLONG)
    case .refused:
      _ = try boundSocket(path).release()
      return (path, ECONNREFUSED)
    case .notASocket:
      try writeFile(path, "")
      return (path, ECONNREFUSED)
    case .datagram:
      _ = try boundSocket(path, SOCK_DGRAM).release()
      return (path, EPROTOTYPE)
    case .noPermission:
      _ = try boundSocket(path, backlog: 5).release()
      try changeMode(path, 0)
      if geteuid() == 0 { seteuid(65534) }
      return (path, EACCES)
    case .backlogFull:
      _ = try boundSocket(path, backlog: 0).release()
      _ = try connectWithoutWaiting(path).release()
      return (path, EAGAIN)
    case .notTrusted, .deadlinePassed:
      _ = try boundSocket(path, backlog: 5).release()
      return (path, 0)
    }
  }

  @Test func withoutRoomLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        let listener = try UnixListener(binding: .path(directory("s")))
        try quiet.expectNothingLeftOpen(needing: 1) { _ = try UnixStream(connectingTo: .path(directory("s"))) }
        _ = listener
      }
    }
  }
}
