// Descriptors that come with messages, of clients that mean harm: what is not a user's terminal is let go of at once, and
// before anybody waits, whatever it is.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree, .timeLimit(.minutes(5))) struct HostileDescriptorTests {
  /// Sends each line with the client's own end of the connection, and goes.
  private func sendItself(_ lines: String..., to daemon: TestDaemon) throws {
    let stream = try UnixStream(connectingTo: .path(daemon.socket), deadline: patientDeadline)
    for line in lines {
      try stream.descriptor.send(line, lending: stream.descriptor, deadline: patientDeadline)
    }
  }

  @Test(arguments: [
    #"{"status":{}}"#, #"{"wait":{"id":1}}"#, #"{"list-windows":{}}"#, #"{"attach":{"id":1}}"#, "nonsense", "",
    #"{"GetConfig":{}}"#,
  ])
  func connectionThatIsSentItsOtherEndIsClosed(_ message: String) throws {
    try withDaemon { daemon in
      _ = try daemon.create("cat")
      let atRest = try daemon.descriptorsAtRest()
      for _ in 0..<3 { try sendItself(message + "\n", to: daemon) }
      #expect(daemon.descriptors(settlingTo: atRest) == atRest)
      // Counted until its conversation has ended, which is a little later.
      #expect(try eventually { try daemon.status().connections == 1 })
    }
  }

  @Test func attachedClientThatSendsItsOtherEndIsMissedWhenItGoes() throws {
    try withDaemon { daemon in
      let id = try daemon.create("cat")
      let atRest = try daemon.descriptorsAtRest()
      let screen = try Screen()
      do {
        let stream = try UnixStream(connectingTo: .path(daemon.socket), deadline: patientDeadline)
        let terminal = try screen.openTerminal()
        try stream.descriptor.send("{\"attach\":{\"id\":\(id)}}\n", lending: terminal, deadline: patientDeadline)
        #expect(try eventually { try daemon.window(id).attached == getpid() })
        try stream.descriptor.send("{\"resized\":{}}\n", lending: stream.descriptor, deadline: patientDeadline)
      }
      #expect(try eventually { try daemon.window(id).attached == nil })
      #expect(daemon.descriptors(settlingTo: atRest) == atRest)
    }
  }

  /// What the kernel would have to follow to the end.
  @Test func socketsInSocketsAreLetGoOf() throws {
    try withDaemon { daemon in
      let id = try daemon.create("cat")
      let atRest = try daemon.descriptorsAtRest()
      var inner = try SocketPair()
      // As deep as the kernel lets them be, and then it is the sender's mistake.
      var depth = 0
      while depth < 16 {
        let outer = try SocketPair()
        do throws(IPCError) {
          try outer.left.send("x", lending: inner.right, deadline: patientDeadline)
        } catch { break }
        inner = outer
        depth += 1
      }
      #expect(depth >= 4)
      var client = try LendingClient(daemon.socket)
      let answer = try client.attach(id, lending: inner.right)
      #expect(answer?.contains(#""code":"no-terminal""#) == true, "\(answer ?? "nothing")")
      _ = consume client
      #expect(daemon.descriptors(settlingTo: atRest) == atRest)
    }
  }
}
