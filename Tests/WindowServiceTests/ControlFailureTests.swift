// windowctl when things go wrong: the exit status says which way, the message says what, and nothing hangs.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct ControlFailureTests {
  /// All commands, with arguments that are right.
  static let commands = [
    ["create-window", "-e", "true"], ["list-windows"], ["close-window", "1"], ["resize-window", "1", "80", "24"],
    ["show", "1"], ["wait", "1"], ["config", "a=b"], ["get-config"], ["status"],
  ]

  @Test(arguments: commands)
  func withoutADaemonTheStatusIs3(_ command: [String]) throws {
    let directory = try TemporaryDirectory()
    let environment = plainEnvironment(["WINDOWD_SOCKET": directory.file("s")])
    let outcome = try run([Programs.windowctl] + command, environment: environment)
    #expect(outcome.status == 3 && outcome.text == "")
    #expect(outcome.errors.hasPrefix("windowctl: ") && outcome.errors.contains(directory.file("s")))
    #expect(names(in: directory.path) == [], "a client leaves nothing behind")
    let json = try run([Programs.windowctl, command[0], "--json"] + command.dropFirst(), environment: environment)
    #expect(json.status == 3 && json.text.hasPrefix(#"{"error":{"code":"no-daemon","message":"#))
  }

  @Test func aSocketThatNobodyListensOnIsNoDaemonEither() throws {
    let directory = try TemporaryDirectory()
    // Closed without being removed: what a crash leaves.
    do { _ = try UnixListener(binding: .path(directory.file("s"))) }
    #expect(exists(directory.file("s")))
    let outcome = try run([Programs.windowctl, "list-windows", "--socket", directory.file("s")])
    #expect(outcome.status == 3)
  }

  @Test(arguments: commands)
  func aServerThatSaysNothingIsATimeout(_ command: [String]) throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory.file("s")))
    let environment = plainEnvironment(["WINDOWD_SOCKET": directory.file("s")])
    var outcome: Outcome?
    let time = try duration { () throws in
      outcome = try run(
        [Programs.windowctl, command[0], "--timeout", "0.3"] + command.dropFirst(), environment: environment)
    }
    #expect(outcome?.status == 4 && outcome?.text == "")
    #expect(outcome?.errors.contains("no answer in time") == true)
    #expect(time > .milliseconds(290))
    try listener.close()
  }

  @Test func waitHasNoTimeoutOfItsOwn() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory.file("s")))
    let job = try Job([Programs.windowctl, "wait", "1", "--socket", directory.file("s")])
    let list = try run([Programs.windowctl, "list-windows", "--socket", directory.file("s")])
    // The other one has given up after its five seconds.
    #expect(list.status == 4)
    #expect(job.process.facts.isAlive)
    job.process.signal(SIGTERM)
    _ = try job.outcome()
    try listener.close()
  }

  @Test(arguments: [
    "", "garbage\n", "{}\n", "[]\n", "{\"windows\":1}\n", "\u{0}\n",
    "{\"error\":{\"code\":\"later\",\"message\":\"m\"}}\n",
  ])
  func anAnswerThatIsNoneIsAFailure(_ answer: String) throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory.file("s")))
    let job = try Job([Programs.windowctl, "list-windows", "--socket", directory.file("s")])
    // What is no answer at all may be the end of a daemon that is started again: that is asked a few times.
    for _ in 0..<(answer.isEmpty ? 4 : 1) {
      let connection = try listener.accept(deadline: patientDeadline)
      var reader = BufferedReader(try connection.duplicate())
      #expect(try reader.nextLine(as: String.self, deadline: patientDeadline) == #"{"list-windows":{}}"#)
      try connection.writeAll(answer, deadline: patientDeadline)
      try connection.close()
      _ = consume reader
    }
    let outcome = try job.outcome()
    #expect(outcome.status == 1 && outcome.text == "")
    #expect(outcome.errors.hasPrefix("windowctl: "))
    try listener.close()
  }

  @Test func whatADaemonRefusesBecauseItEndsIsAskedOfTheNext() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory.file("s")))
    let job = try Job([Programs.windowctl, "create-window", "--socket", directory.file("s"), "-e", "true"])
    for answer in [#"{"error":{"code":"stopping","message":"later"}}"#, #"{"id":5}"#] {
      let connection = try listener.accept(deadline: patientDeadline)
      var reader = BufferedReader(try connection.duplicate())
      _ = try reader.nextLine(as: String.self, deadline: patientDeadline)
      try connection.writeAll(answer + "\n", deadline: patientDeadline)
      try connection.close()
      _ = consume reader
    }
    let outcome = try job.outcome()
    #expect(outcome.status == 0 && outcome.text == "5\n", "\(outcome.errors)")
    try listener.close()
  }

  @Test func refusalsAre1AndFailuresOfWaitsOwnAre125() throws {
    try withDaemon { daemon in
      #expect(try daemon.windowctl("close-window", "9").status == 1)
      #expect(try daemon.windowctl("create-window", "-e", "/nonexistent/cmd").status == 1)
      #expect(try daemon.windowctl("wait", "9").status == 1)
      #expect(try daemon.windowctl("wait", "--exit-status", "9").status == 125)
      let id = try daemon.create("cat")
      #expect(try daemon.windowctl("wait", "--timeout", "0.2", "\(id)").status == 4)
      #expect(try daemon.windowctl("wait", "--timeout", "0.2", "--exit-status", "\(id)").status == 125)
    }
    #expect(try run([Programs.windowctl, "wait", "--exit-status", "1", "--socket", "/nonexistent/s"]).status == 125)
  }

  @Test(arguments: [
    [], ["no-such-command"], ["close-window"], ["close-window", "x"], ["close-window", "-1"],
    ["close-window", "1", "2"],
    ["close-window", "99999999999999999999"], ["list-windows", "--no-such-option"], ["list-windows", "--timeout", "0"],
    ["list-windows", "--timeout", "-1"], ["list-windows", "--timeout", "x"], ["list-windows", "--timeout", "nan"],
    ["list-windows", "--server-uid", "-1"], ["resize-window", "1", "70000", "1"], ["create-window", "--title"],
  ])
  func wrongUsageIs64(_ arguments: [String]) throws {
    let outcome = try run([Programs.windowctl] + arguments)
    // Without any command it explains itself, which is no failure.
    #expect(outcome.status == (arguments.isEmpty ? 0 : 64), "\(outcome.errors)")
  }

  @Test(arguments: [
    #"create-window --title $'\xff'"#, #"create-window -e echo $'\xc3('"#, #"create-window --env $'A=\xed\xa0\x80'"#,
    #"--socket $'/tmp/\xff' list-windows"#, #"config $'a=\xfe'"#,
  ])
  func argumentsThatAreNotUTF8AreRefused(_ arguments: String) throws {
    try withDaemon { daemon in
      let outcome = try run(
        ["/bin/bash", "-c", "exec '\(Programs.windowctl)' \(arguments)"],
        environment: plainEnvironment(["WINDOWD_SOCKET": daemon.socket]))
      #expect(outcome.status == 64)
      #expect(outcome.errors.contains("is not UTF-8"), "\(outcome.errors)")
      #expect(try daemon.list().isEmpty)
    }
  }

  @Test func outputThatCannotBeWrittenIsAFailure() throws {
    try withDaemon { daemon in
      _ = try daemon.create("cat")
      let outcome = try daemon.windowctl("list-windows", setup: "exec >/dev/full")
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("No space left on device"))
    }
  }
}
