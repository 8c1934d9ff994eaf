// What windowd says on standard error: one line for one event, whatever is in it, and never at anyone's cost.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct DaemonLogTests {
  @Test(arguments: [
    (#"{"x\nwindowd: forged":{}}"#, #"'x\nwindowd: forged' is no request"#),
    (#"{"\r\u001b[2K<0>forged\u009b\u2028":{}}"#, #"'\r\e[2K<0>forged\u{9B}\u{2028}' is no request"#),
    (#"{"create-window":{"command":["/x\nwindowd: forged"]}}"#, #"/x\nwindowd: forged"#),
    (#"{"create-window":{"command":["true"],"working_directory":"/x\n<0>forged"}}"#, #"/x\n<0>forged"#),
    (#"{"create-window":{"command":["true"],"environment":["forged\nline"]}}"#, #"forged\nline"#),
    (#"{"config":{"options":["a\nb"]}}"#, #"'a\nb'"#),
  ])
  func aClientCannotForgeALine(_ message: String, _ logged: String) throws {
    try withDaemon { daemon in
      _ = try daemon.ask(message)
      let line = try #require(try daemon.process.nextLine())
      #expect(line.hasPrefix("windowd: refused a ") && line.contains(logged), "\(line)")
      let status = try daemon.stop()
      #expect(status == .exited(0))
      #expect(try daemon.process.nextLine() == "windowd: stopping")
      #expect(try daemon.process.nextLine() == nil)
    }
  }

  @Test func aTitleIsNotLogged() throws {
    try withDaemon { daemon in
      var window = WindowSpecification(command: "cat")
      window.title = "title\nwindowd: forged"
      let id = try daemon.ask(.createWindow(window), for: Reply.Created.self).id
      #expect(try daemon.window(id).title == window.title)
      try daemon.close(id)
      _ = try daemon.stop()
      while let line = try daemon.process.nextLine() { #expect(line == "windowd: stopping") }
    }
  }

  @Test func aLongLineIsCutNotSplit() throws {
    try withDaemon { daemon in
      _ = try daemon.ask(#"{"\#(String(repeating: "n", count: 100_000))":{}}"#)
      #expect(try #require(try daemon.process.nextLine()).utf8.count <= 4096)
      _ = try daemon.stop()
      #expect(try daemon.process.nextLine() == "windowd: stopping")
    }
  }

  @Test func prioritiesAreForTheJournalAlone() throws {
    // stat of the shell's own standard error, which is what windowd will have.
    let setup = "export JOURNAL_STREAM=$(stat -L -c %d:%i /dev/stderr)"
    try withDaemon(setup: setup) { daemon in
      #expect(daemon.process.lines == ["<6>ready"])
      _ = try daemon.ask("garbage")
      #expect(try daemon.process.nextLine()?.hasPrefix("<4>refused a message of process ") == true)
    }
    try withDaemon(environment: ["JOURNAL_STREAM": "1:2"]) { daemon in
      #expect(daemon.process.lines == ["windowd: ready"])
    }
  }

  @Test func aReaderThatHasGoneStopsNothing() throws {
    // head reads the first line and goes; what it prints comes to us.
    let directory = try TemporaryDirectory()
    let setup =
      "mkfifo '\(directory.file("log"))'; head -n 1 <'\(directory.file("log"))' & exec 2>'\(directory.file("log"))'"
    try withDaemon(setup: setup) { daemon throws in
      for _ in 0..<100 { #expect(try daemon.ask("garbage").contains("invalid-message")) }
      #expect(try daemon.printed(by: "echo", "alive") == "alive\n")
    }
  }

  @Test func aReaderThatDoesNotReadStopsNothing() throws {
    let directory = try TemporaryDirectory()
    let log = directory.file("log")
    let reader = "{ head -n 1; echo reader \\$\\$; exec sleep 100; } <'\(log)'"
    try withDaemon(setup: "mkfifo '\(log)'; sh -c \"\(reader)\" & exec 2>'\(log)'") { daemon in
      // The reader's number comes when it has read the first line.
      let number = try daemon.process.line(containing: "reader").split(separator: " ").last.flatMap { Int32($0) }
      defer { if let number { kill(number, SIGKILL) } }
      #expect(number != nil)
      let message = #"{"\#(String(repeating: "n", count: 3000))":{}}"#
      // Far more than a pipe holds.
      for _ in 0..<200 { #expect(try daemon.ask(message).contains("unknown-request")) }
      #expect(try daemon.printed(by: "echo", "alive") == "alive\n")
    }
  }

  @Test func lostLinesAreCounted() throws {
    try withDaemon { daemon in
      let message = #"{"\#(String(repeating: "n", count: 3000))":{}}"#
      for _ in 0..<100 { _ = try daemon.ask(message) }
      // Nothing was read so far; now there is room again.
      while try daemon.process.nextLine(within: .milliseconds(200))?.contains("n") == true,
        daemon.process.lines.count < 10
      {}
      _ = try daemon.ask("garbage")
      #expect(try daemon.process.line(containing: "lost").contains("log lines were lost: nobody read them"))
    }
  }

  @Test func aLineThatATerminalCutsIsFollowedByItsEnd() throws {
    let directory = try TemporaryDirectory()
    let screen = try Screen()
    let socket = directory.file("s")
    let process = try RunningProcess([Programs.windowd, "--socket", socket], setup: "exec 2<>'\(screen.path)'")
    #expect(screen.shows("windowd: ready"))
    var refused = 0
    /// From a client of its own: what one client is refused is told together.
    func refuse(_ name: String) throws {
      var client = try RawClient(socket)
      #expect(try client.ask(#"{"\#(name)":{}}"#).contains("unknown-request"))
      refused += 1
    }
    // Nobody looks at the screen, which takes less than that; then there is room again, and soon for more than a part.
    for _ in 0..<60 { try refuse(String(repeating: "n", count: 3000)) }
    let isShown = try eventually {
      let text = screen.text
      try refuse("last")
      return text.contains("'last' is no request")
    }
    #expect(isShown)
    process.signal(SIGTERM)
    #expect(try process.exit() == .exited(0))
    let lines = screen.text.split(separator: "\r\n").map(String.init)
    #expect(lines.allSatisfy { $0.ranges(of: "windowd: ").count == 1 && $0.hasPrefix("windowd: ") })
    let told = lines.filter { $0.hasPrefix("windowd: refused") }
    let whole = told.count { $0.hasSuffix("' is no request") }
    #expect(whole < told.count, "no line was cut")
    // What was cut is as good as lost.
    let lost = lines.compactMap { $0.firstMatch(of: /^windowd: (\d+) log lines were lost: nobody read them$/) }
    #expect(lost.reduce(whole) { $0 + (Int($1.1) ?? 0) } == refused)
  }

  @Test func closedStandardStreamsAreNoOneElses() throws {
    let directory = try TemporaryDirectory()
    let socket = directory.file("s")
    let process = try RunningProcess([Programs.windowd, "--socket", socket], setup: "exec <&- >&- 2>&-")
    #expect(eventually { (try? RawClient(socket)) != nil })
    var client = try RawClient(socket)
    _ = try client.ask("garbage")
    for number: Int32 in 0...2 { #expect(process.facts.descriptors[number] == "/dev/null") }
    #expect(try client.ask(#"{"create-window":{"command":["cat"]}}"#) == #"{"id":1}"#)
    process.signal(SIGTERM)
    #expect(try process.exit() == .exited(0))
  }

  @Test func detachedItLetsGoOfItsTerminal() throws {
    let directory = try TemporaryDirectory()
    let screen = try Screen()
    let process = try RunningProcess(
      [Programs.windowd, "--socket", directory.file("s"), "--detached"], setup: "exec 2<>'\(screen.path)'")
    #expect(try process.line(containing: "ready") != "")
    while try process.nextLine() != nil {}
    var client = try RawClient(directory.file("s"))
    #expect(try client.ask("garbage").contains("error"))
    #expect(!process.facts.descriptors.values.contains(screen.path))
    process.signal(SIGTERM)
    #expect(try process.exit() == .exited(0))
    #expect(screen.text == "windowd: ready\r\n")
  }

  @Test func detachedItLetsGoOfItsStreams() throws {
    let directory = try TemporaryDirectory()
    let process = try RunningProcess([Programs.windowd, "--socket", directory.file("s"), "--detached"])
    #expect(try process.line(containing: "ready") != "")
    while try process.nextLine() != nil {}
    #expect(process.lines.contains(DaemonStatus.readyLine))
    // The output has ended while the daemon runs.
    for number: Int32 in 0...2 { #expect(process.facts.descriptors[number] == "/dev/null") }
    var client = try RawClient(directory.file("s"))
    #expect(try client.ask(#"{"list-windows":{}}"#) == #"{"windows":[]}"#)
    process.signal(SIGTERM)
    #expect(try process.exit() == .exited(0))
  }
}
