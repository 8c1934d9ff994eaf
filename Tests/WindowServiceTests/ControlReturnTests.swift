// An attached windowctl whose daemon has gone: whoever comes to the socket next may turn it away, or nobody may come.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct ControlReturnTests {
  /// What a client has asked, and the terminal that it lends.
  private struct Question: ~Copyable {
    let stream: FileDescriptor
    let terminal: FileDescriptor

    init(of listener: borrowing UnixListener) throws {
      let stream = try listener.accept(deadline: patientDeadline)
      var reader = BufferedReader(try stream.duplicate(), descriptorLimit: 1)
      _ = try reader.nextLine(as: String.self, deadline: patientDeadline)
      var lent = reader.takeDescriptors()
      guard let terminal = lent.popFirst() else { throw TestFailure("no terminal came with the question") }
      self.stream = stream
      self.terminal = terminal
    }

    func answer(_ lines: String...) throws {
      for line in lines { try stream.writeAll(line + "\n", deadline: patientDeadline) }
    }
  }

  /// Runs `body` while windowctl has asked a daemon for window 1, and waits for its answer.
  private func withAsker(
    timeout: String = "20", _ body: (consuming UnixListener, consuming Question, Screen, RunningProcess) throws -> Void
  ) throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("s")
    let listener = try UnixListener(binding: .path(path))
    let screen = try Screen()
    let client = try screen.run([Programs.windowctl, "attach", "--socket", path, "--timeout", timeout, "1"])
    let question = try Question(of: listener)
    try body(listener, question, screen, client)
  }

  /// Runs `body` while windowctl is attached to window 1 of a daemon that has answered, and gone.
  private func withVisitor(_ body: (consuming UnixListener, Screen, RunningProcess) throws -> Void) throws {
    try withAsker { listener, question, screen, client in
      try question.answer(#"{"attached":1}"#)
      _ = consume question
      try body(listener, screen, client)
    }
  }

  @Test func whoIsTurnedAwayAgainAndAgainGivesUp() throws {
    try withVisitor { listener, screen, client in
      // Those after it end each conversation at once; one that this thread is late for is none of those that count.
      var visits = 0
      while client.facts.isAlive, visits < 100 {
        if (try? listener.accept(deadline: .after(.milliseconds(100)))) != nil { visits += 1 }
      }
      #expect(visits < 100)
      #expect(try client.exit() == .exited(1))
      #expect(screen.shows("[window 1: "))
      try listener.close()
    }
  }

  @Test func whoWaitsForADaemonEndsByTheFirstSignal() throws {
    try withVisitor { listener, screen, client in
      // By then it knows that it had the window.
      _ = try listener.accept(deadline: patientDeadline)
      try listener.close()
      client.signal(SIGTERM)
      #expect(try client.exit() == .exited(128 + SIGTERM))
      #expect(screen.shows("[window 1: the daemon does not answer]"))
    }
  }

  // MARK: A daemon that goes before it has answered

  @Test(arguments: [true, false]) func whoIsNotAnsweredAsksTheNext(isRefused: Bool) throws {
    try withAsker { listener, question, screen, client in
      if isRefused { try question.answer(#"{"error":{"code":"stopping","message":"windowd ends"}}"#) }
      _ = consume question
      try Question(of: listener).answer(#"{"attached":1}"#, #"{"ended":"detached","id":1}"#)
      #expect(try client.exit() == .exited(0))
      #expect(screen.shows("[window 1: detached]"))
      try listener.close()
    }
  }

  /// As after a daemon that is killed, or hangs, once it has made the terminal what its window needs.
  @Test(arguments: [true, false]) func theTerminalIsAsItWas(hangs: Bool) throws {
    try withAsker(timeout: "1") { listener, question, screen, client in
      let before = try screen.settings
      try TerminalSettings(of: question.terminal).raw.apply(to: question.terminal)
      #expect(try screen.settings != before)
      try listener.close()
      if !hangs { try question.stream.shutdownSending() }
      #expect(try client.exit() == .exited(hangs ? 4 : 3))
      #expect(try screen.settings == before)
    }
  }
}
