// Who holds the other end: this process, another one, a listener's backlog, nobody.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct OtherEndTests {
  @Test(arguments: SocketType.allCases)
  func bothEndsHere(_ type: SocketType) throws {
    let pair = try SocketPair(type)
    let (left, right) = (try found(pair.left), try found(pair.right))
    let ends = (try holder(of: pair.left), try holder(of: pair.right))
    #expect(left.otherEnd == .held([ends.1]) && right.otherEnd == .held([ends.0]))
    guard case .socket(let socket) = left.kind else {
      Issue.record("\(left)")
      return
    }
    #expect(socket.protocolName == "unix \(type)" && socket.state == .connected && socket.address == nil)
    #expect(left.description.contains("connected, other end \(right.number)"))
    try pair.right.close()
    let alone = try found(pair.left)
    #expect(alone.otherEnd == .gone && alone.description.contains("other end gone"))
  }

  @Test func whatWasWrittenAndNotReadIsCounted() throws {
    let pair = try SocketPair()
    try pair.left.writeAll("hello")
    guard case .socket(let reader) = try found(pair.right).kind, case .socket(let writer) = try found(pair.left).kind
    else {
      Issue.record("no sockets")
      return
    }
    #expect(reader.receiveQueue == 5 && writer.receiveQueue == 0)
    #expect((writer.sendQueue ?? 0) > 0)
  }

  @Test func aListenerAndThoseWhoWait() throws {
    let directory = try TemporaryDirectory()
    let path = directory("socket")
    let listener = try UnixListener(binding: .path(path), backlog: 7)
    let waiting = try UnixStream(connectingTo: .path(path), deadline: .after(.seconds(60)))
    let held = try #require(try listenerFound(path))
    let inBacklog = try found(waiting.descriptor)
    #expect(inBacklog.otherEnd == .waitingForAccept)
    #expect(held.details == ["listening at \(path)", "1 waiting"] && held.otherEnd == nil)
    if case .socket(let socket) = held.kind { #expect(socket.sendQueue == 7) }
    let accepted = try listener.accept(deadline: .after(.seconds(60)))
    let (client, server, end) = (try found(waiting.descriptor), try found(accepted), try holder(of: accepted))
    #expect(client.otherEnd == .held([end]) && client.details == ["connected to \(path)"])
    #expect(server.details == ["connected at \(path)"])
  }

  @Test func abstractNamesAndUnboundSockets() throws {
    let listener = try UnixListener(binding: .abstract("census-\(getpid())"))
    let held = try #require(try listenerFound("@census-\(getpid())"))
    #expect(held.details == ["listening at @census-\(getpid())", "0 waiting"])
    try listener.close()
    let unbound = try heldByPython("u = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\ntold = [u.fileno()]")
    #expect(unbound.first?.details == ["unconnected"] && unbound.first?.otherEnd == nil)
    #expect(unbound.first?.kind.name == "unix datagram socket")
  }

  @Test func aDatagramSocketThatOthersAreConnectedToIsNot() throws {
    let held = try heldByPython(
      """
      b, c = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
      b.bind("\\0census-%d" % os.getpid())
      c.connect(b.getsockname())
      told = [b.fileno(), c.fileno()]
      """)
    guard case .socket(let bound) = held[0].kind, case .socket(let connected) = held[1].kind else {
      Issue.record("\(held)")
      return
    }
    #expect(bound.state == .unconnected && held[0].otherEnd == nil)
    #expect(connected.state == .connected && connected.peerAddress == bound.address)
    let process = held[0].processID
    #expect(held[1].otherEnd?.description(for: process) == "other end \(held[0].number)")
  }

  @Test func internetSocketsFindEachOther() throws {
    let held = try heldByPython(
      """
      l = socket.create_server(("127.0.0.1", 0), backlog=3)
      c = socket.create_connection(l.getsockname())
      a, _ = l.accept()
      d = socket.create_connection(l.getsockname())
      l.accept()[0].close()
      u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
      u.bind(("127.0.0.1", 0))
      n = socket.socket()
      told = [x.fileno() for x in (l, c, a, d, u, n)]
      """)
    let states: [HeldSocket.State?] = held.map { if case .socket(let socket) = $0.kind { socket.state } else { nil } }
    // In no list is what is neither bound nor connected.
    #expect(states == [.listening, .connected, .connected, .closeWait, .unconnected, nil])
    #expect(held.map(\.kind.name) == Array(repeating: "tcp socket", count: 4) + ["udp socket", "tcp socket"])
    let process = held[0].processID
    #expect(held[1].otherEnd?.description(for: process) == "other end \(held[2].number)")
    #expect(held[2].otherEnd?.description(for: process) == "other end \(held[1].number)")
    #expect(held[3].otherEnd == .gone && held[0].otherEnd == nil && held[4].otherEnd == nil)
    #expect(held[0].details.first?.hasPrefix("listening at 127.0.0.1:") == true)
  }

  @Test func connectionsOfAnIPv6ListenerToo() throws {
    let held = try heldByPython(
      """
      l = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
      c = socket.create_connection(("127.0.0.1", l.getsockname()[1]))
      w = socket.create_connection(("127.0.0.1", l.getsockname()[1]))
      a, _ = l.accept()
      h = socket.create_connection(("127.0.0.1", l.getsockname()[1]))
      l.accept(), (b := l.accept()[0]).shutdown(socket.SHUT_WR)
      told = [x.fileno() for x in (c, a, h, b)]
      v = socket.create_connection(("127.0.0.1", l.getsockname()[1]))
      told += [v.fileno()]
      """)
    let process = held[0].processID
    let ends = held.map { $0.otherEnd?.description(for: process) }
    #expect(ends[0] == "other end \(held[1].number)" && ends[1] == "other end \(held[0].number)")
    // One that has only been told the end of what comes is connected still.
    #expect(ends[2] == "other end \(held[3].number)" && ends[3] == "other end \(held[2].number)")
    #expect(held[4].otherEnd == .waitingForAccept)
  }

  @Test func aFIFOHasManyNamesAndBothDirections() throws {
    let held = try heldByPython(
      """
      import tempfile
      t = tempfile.mkdtemp()
      os.mkfifo(t + "/a"), os.link(t + "/a", t + "/b")
      both = os.open(t + "/a", os.O_RDWR)
      told = [os.open(t + "/a", os.O_RDONLY), both]
      os.mkfifo(t + "/c"), os.link(t + "/c", t + "/d")
      told += [os.open(t + "/c", os.O_RDONLY | os.O_NONBLOCK)]
      ready, done = os.pipe()
      if os.fork() == 0:
        os.close(told[-1])
        os.open(t + "/d", os.O_WRONLY)
        os.write(done, b"x")
        s.recv(1)
        os._exit(0)
      os.read(ready, 1)
      import shutil; shutil.rmtree(t)
      """)
    let process = held[0].processID
    let ends = held.map { $0.otherEnd?.description(for: process) }
    #expect(ends[0]?.hasPrefix("other end \(held[1].number)") == true && ends[1] == nil)
    guard case .held(let holders) = held[2].otherEnd else {
      Issue.record("\(held[2])")
      return
    }
    #expect(holders.count == 1 && holders[0].processID != process && holders[0].processName.hasPrefix("python3"))
  }

  @Test func anotherProcessHoldsIt() throws {
    let pair = try SocketPair()
    let pipe = try Pipe()
    let (socket, reading) = numbers(pair.left, pipe.reading)
    var descriptors = ChildDescriptors()
    descriptors.set(0, to: pair.right)
    descriptors.set(1, to: pipe.writing)
    let command = Command(arguments: ["sleep", "1000"], environment: .inherited)
    let process = try DetachedProcess(command, with: descriptors, deadline: .after(.seconds(60)))
    let inChild = { (number: Int32) in
      OtherEnd.held([DescriptorHolder(processID: process.processID, processName: "sleep", number: number)])
    }
    var census = try DescriptorCensus()
    census.findOtherEnds()
    #expect(census[socket]?.otherEnd == inChild(0) && census[reading]?.otherEnd == inChild(1))
    #expect(census[reading]?.description.contains("other end 1 of \(process.processID) (sleep)") == true)
    kill(process.processID, SIGKILL)
    _ = try process.exit(deadline: .after(.seconds(60)))
    census = try DescriptorCensus()
    census.findOtherEnds()
    #expect(census[socket]?.otherEnd == .gone)
    // Where another user's process could have it, it is not surely gone.
    #expect(census[reading]?.otherEnd == (census.processesOutOfSight == 0 ? .gone : .outOfSight))
  }

  @Test func underWayInAMessage() throws {
    let pair = try SocketPair()
    let carrier = try SocketPair()
    let (number, _) = numbers(pair.left, carrier.right)
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try unsafe carrier.left.send("x".utf8.span.bytes, passing: pair.right)
    var census = try DescriptorCensus()
    census.findOtherEnds()
    #expect(census[number]?.otherEnd == .outOfSight)
  }
}

private func numbers(_ a: borrowing FileDescriptor, _ b: borrowing FileDescriptor) -> (Int32, Int32) {
  // The numbers are used while the owners live.
  let first = unsafe a.withUnsafeNumber { $0 }
  let second = unsafe b.withUnsafeNumber { $0 }
  return (first, second)
}

/// This process's listener with an address.
private func listenerFound(_ address: String) throws -> HeldDescriptor? {
  try DescriptorCensus().descriptors.first {
    if case .socket(let socket) = $0.kind { socket.state == .listening && socket.address == address } else { false }
  }
}
