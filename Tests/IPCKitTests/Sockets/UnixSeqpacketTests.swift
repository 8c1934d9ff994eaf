// Connections that keep their messages apart, from binding to the end.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct UnixSeqpacketTests {
  private static let soon = Duration.seconds(60)

  @Test(arguments: [true, false]) func messagesGoBothWays(abstract: Bool) throws {
    let directory = try TemporaryDirectory()
    let address: UnixAddress = abstract ? .abstract("ipckit/\(getpid())/packets") : .path(directory("s"))
    let listener = try UnixListener(binding: address, type: .seqpacket)
    #expect(listener.type == .seqpacket)
    let client = try UnixSeqpacket(connectingTo: address, trusting: .sameUser, deadline: .after(Self.soon))
    #expect(try client.descriptor.isNonBlocking && client.descriptor.isCloseOnExec)
    let accepted = try listener.accept(deadline: .after(Self.soon))
    try client.descriptor.sendText("one")
    try client.descriptor.sendText("two")
    #expect(try accepted.receiveText() == "one")
    try accepted.sendText("answer")
    #expect(try client.descriptor.receiveText() == "answer")
    #expect(try accepted.receiveText() == "two")
    try accepted.close()
    #expect(try client.descriptor.receiveText() == "")
    try listener.close()
    #expect(entries(of: directory.path) == (abstract ? [] : ["s.lock"]))
  }

  @Test func typesDoNotMeet() throws {
    let directory = try TemporaryDirectory()
    let packets = try UnixListener(binding: .path(directory("p")), type: .seqpacket)
    let streams = try UnixListener(binding: .path(directory("s")))
    let stream = systemFailure { _ = try UnixStream(connectingTo: .path(directory("p"))) }
    #expect(stream == SystemError(errno: EPROTOTYPE, operation: "connect", object: directory("p")))
    let packet = systemFailure { _ = try UnixSeqpacket(connectingTo: .path(directory("s"))) }
    #expect(packet == SystemError(errno: EPROTOTYPE, operation: "connect", object: directory("s")))
    _ = packets
    _ = streams
  }

  @Test func untrustedListenerIsNotSpokenTo() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory("s")), type: .seqpacket)
    let ended = ipcFailure { _ = try UnixSeqpacket(connectingTo: .path(directory("s")), trusting: .users([])) }
    guard case .peer(.notAllowed(let peer)) = ended else {
      Issue.record("\(String(describing: ended))")
      return
    }
    #expect(peer.processID == getpid())
    let accepted = try listener.accept(deadline: .after(Self.soon))
    #expect(try accepted.receiveText() == "")
  }

  @Test func listenerOfDatagramsIsRefusedAndLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        try quiet.expectNothingLeftOpen {
          let ended = systemFailure { _ = try UnixListener(binding: .path(directory("s")), type: .datagram) }
          let expected = SystemError(errno: EOPNOTSUPP, operation: "listen", object: directory("s"))
          quiet.expect(ended == expected, "\(String(describing: ended))")
        }
        quiet.expect(entries(of: directory.path), is: ["s.lock"])
      }
    }
  }

  @Test func inheritedListenerIsOfTheTypeThatIsAskedFor() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(
      inheriting: boundSocket(directory("p"), SOCK_SEQPACKET, backlog: 1), type: .seqpacket)
    #expect(listener.type == .seqpacket)
    _ = try UnixSeqpacket(connectingTo: .path(directory("p")), deadline: .after(Self.soon))
    let ended = systemFailure {
      _ = try UnixListener(inheriting: boundSocket(directory("s"), backlog: 1), type: .seqpacket)
    }
    #expect(ended?.errno == EINVAL)
  }

  @Test func serverIsForStreams() async {
    await #expect(processExitsWith: .failure) {
      let loop = try EventLoop()
      _ = Server(try UnixListener(binding: .abstract("ipckit/\(getpid())/server"), type: .seqpacket), on: loop)
    }
  }
}
