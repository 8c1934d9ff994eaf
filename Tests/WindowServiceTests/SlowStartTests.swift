// A program or a directory that takes its time, as on a dead mount: it holds up its own window and nobody else's, and for
// no longer than it may. strace stops the child at the system call, as no file system here
// is slow on demand.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

private let strace = "/usr/bin/strace"

@Suite(.leakFree, .enabled(if: Programs.has(strace), "strace IS MISSING: slow starts are not tried"))
struct SlowStartTests {
  /// A daemon whose children stop where they enter one directory of the test's own, until they are told to go on.
  private func withSlowDirectory(
    _ configuration: String = "", _ body: (RunningProcess, String, String) throws -> Void
  ) throws {
    let directory = try TemporaryDirectory()
    let socket = directory.file("windowd.sock")
    let file = try directory.write(configuration, to: "windowd.conf")
    // -D: strace is the grandchild, and the process that was started is windowd itself.
    let process = try RunningProcess(
      [
        strace, "-D", "-f", "-qq", "-o", "/dev/null", "-P", directory.path, "-e", "trace=chdir",
        "-e", "inject=chdir:signal=STOP", Programs.windowd, "--socket", socket, "--config", file,
      ])
    _ = try process.line(containing: "ready")
    try body(process, socket, directory.path)
    process.signal(SIGTERM)
    #expect(try process.exit() == .exited(0))
  }

  private func message(_ directory: String) -> String {
    "{\"create-window\":{\"command\":[\"cat\"],\"working_directory\":\"\(directory)\"}}"
  }

  /// The child of `process` that has stopped before it runs its program.
  private func stoppedChild(of process: RunningProcess) throws -> ProcessFacts {
    var found: ProcessFacts?
    let isThere = eventually {
      found = process.facts.children.map(ProcessFacts.init).first { $0.state.lowercased() == "t" }
      return found != nil
    }
    guard isThere, let found else { throw TestFailure("no child has stopped") }
    return found
  }

  /// Lets the child enter the directory. More than once: what comes before it has stopped for good is lost.
  private func letGoOn(_ child: ProcessFacts, _ directory: String) {
    let goesOn = eventually {
      kill(child.id, SIGCONT)
      return child.directory == directory
    }
    #expect(goesOn)
  }

  @Test func holdsUpItsOwnWindowAlone() throws {
    try withSlowDirectory { process, socket, directory in
      var slow = try RawClient(socket)
      try slow.send(message(directory) + "\n")
      let child = try stoppedChild(of: process)
      var other = try RawClient(socket)
      for id in 2...4 { #expect(try other.ask(message("/usr")) == "{\"id\":\(id)}") }
      #expect(try other.ask(.listWindows, for: Reply.Windows.self).windows.map(\.id) == [2, 3, 4])
      #expect(throws: IPCError.deadlineExceeded(operation: "read")) { try slow.line(within: .milliseconds(100)) }
      letGoOn(child, directory)
      #expect(try slow.line() == #"{"id":1}"#)
    }
  }

  @Test func itIsClosedWhenItsTerminalHasGoneMeanwhile() throws {
    try withSlowDirectory { process, socket, directory in
      let screen = try Screen()
      var client = try LendingClient(socket)
      let window = #"{"command":["cat"],"working_directory":"\#(directory)"}"#
      try client.send(#"{"attach":{"create":\#(window)}}"#, lending: screen.openTerminal())
      let child = try stoppedChild(of: process)
      screen.hangUp()
      letGoOn(child, directory)
      #expect(try client.line()?.contains(#""code":"no-terminal""#) == true)
      #expect(eventually { !child.isAlive })
      var other = try RawClient(socket)
      #expect(try other.ask(.listWindows, for: Reply.Windows.self).windows.isEmpty)
    }
  }

  @Test func isGivenUpWhenItTakesTooLong() throws {
    try withSlowDirectory("start-timeout = 1") { process, socket, directory in
      let before = process.facts.descriptors
      do {
        var client = try RawClient(socket)
        let reply = try client.ask(message(directory))
        #expect(reply.contains(#""code":"spawn-failed""#) && reply.contains("deadline"))
      }
      #expect(eventually { process.facts.descriptors == before && process.facts.children.isEmpty })
    }
  }

  @Test func countsAmongTheMostThereMayBe() throws {
    try withSlowDirectory("max-windows = 1") { process, socket, directory in
      var slow = try RawClient(socket)
      try slow.send(message(directory) + "\n")
      let child = try stoppedChild(of: process)
      var other = try RawClient(socket)
      #expect(try other.ask(message("/usr")).contains("too-many-windows"))
      letGoOn(child, directory)
      #expect(try slow.line() == #"{"id":1}"#)
    }
  }

  @Test func doesNotHoldUpTheEnd() throws {
    try withSlowDirectory { process, socket, directory in
      let slow = try RawClient(socket)
      try slow.send(message(directory) + "\n")
      let child = try stoppedChild(of: process)
      process.signal(SIGTERM)
      #expect(try process.exit() == .exited(0))
      #expect(eventually { !child.isAlive })
    }
  }
}
