// `create-window --start`: a daemon comes up for whoever needs one, exactly one for everybody, and belongs to nobody's
// terminal.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct ControlStartTests {
  /// The processes whose command line names `socket` as windowd's.
  private func daemons(at socket: String) -> [Int32] {
    names(in: "/proc").compactMap { Int32($0) }.filter { id in
      let arguments = (text(of: "/proc/\(id)/cmdline") ?? "").split(separator: "\0")
      return arguments.first?.hasSuffix("/windowd") == true && arguments.contains(Substring(socket))
        && ProcessFacts(id: id).isAlive
    }
  }

  /// A place without a daemon; one that came up is ended afterwards.
  private func withoutDaemon(_ body: (TemporaryDirectory, String, Environment) throws -> Void) throws {
    let directory = try TemporaryDirectory()
    let socket = directory.file("windowd.sock")
    let outcome = Result { try body(directory, socket, plainEnvironment(["XDG_RUNTIME_DIR": directory.path])) }
    for id in daemons(at: socket) {
      kill(id, SIGTERM)
      #expect(eventually { !ProcessFacts(id: id).isAlive })
    }
    #expect(!exists(socket))
    try outcome.get()
  }

  private static let create = [Programs.windowctl, "create-window", "--start", "--timeout", "60", "-e", "cat"]

  @Test func aHundredAtOnceBringUpOne() throws {
    try withoutDaemon { _, socket, environment in
      let jobs = try (0..<100).map { _ in try Job(Self.create, environment: environment) }
      var ids: [Int] = []
      for job in jobs {
        let outcome = try job.outcome()
        #expect(outcome.status == 0, "\(outcome.errors)")
        ids += outcome.lines.compactMap { Int($0) }
      }
      #expect(ids.sorted() == Array(1...100))
      #expect(eventually { daemons(at: socket).count == 1 })
      var client = try RawClient(socket)
      let status = try client.ask(.status(listing: false), for: Reply.Status.self)
      #expect(status.windows == 100)
      #expect(daemons(at: socket) == [status.pid])
    }
  }

  @Test func theDaemonIsDetached() throws {
    try withoutDaemon { directory, socket, environment in
      // Started with descriptors and a directory that it must not keep.
      let outcome = try run(Self.create, environment: environment, setup: "cd /usr; exec 7</dev/zero")
      #expect(outcome.text == "1\n" && outcome.status == 0 && outcome.errors == "")
      let daemon = ProcessFacts(id: try #require(daemons(at: socket).first))
      #expect(daemon.session == Int(daemon.id))
      #expect(daemon.terminal == 0)
      #expect(daemon.directory == "/")
      for number: Int32 in 0...2 { #expect(daemon.descriptors[number] == "/dev/null") }
      #expect(!daemon.descriptors.values.contains("/dev/zero"))
      #expect(!daemon.descriptors.values.contains { $0.hasPrefix("pipe:") })
      // The second finds it.
      #expect(try run(Self.create, environment: environment).text == "2\n")
      #expect(daemons(at: socket) == [daemon.id])
    }
  }

  /// Started by a program of a unit, it is no part of that unit.
  @Test func itHasNothingThatSpeaksForAUnit() throws {
    try withoutDaemon { directory, socket, environment in
      let own = ["NOTIFY_SOCKET": directory.file("notify"), "RUNTIME_DIRECTORY": directory.path, "FDSTORE": "9"]
      var environment = environment
      for (name, value) in own { environment[name] = value }
      _ = try directory.write("somebody else's\n", to: "journal")
      #expect(try run(Self.create, environment: environment).text == "1\n")
      let daemon = try #require(daemons(at: socket).first)
      let variables = text(of: "/proc/\(daemon)/environ") ?? ""
      #expect(variables.contains("XDG_RUNTIME_DIR=") && !own.keys.contains { variables.contains("\($0)=") })
      #expect(text(of: directory.file("journal")) == "somebody else's\n")
    }
  }

  @Test func commandSubstitutionReturns() throws {
    try withoutDaemon { _, _, environment in
      let script = "id=$(\"$@\"); echo got $id"
      let outcome = try run(["/bin/sh", "-c", script, "sh"] + Self.create, environment: environment)
      #expect(outcome.text == "got 1\n")
    }
  }

  @Test func theEndOfItsTerminalClosesNothing() throws {
    try withoutDaemon { _, socket, environment in
      // A window of another daemon's is the terminal that closes.
      try withDaemon { other in
        let variable = "XDG_RUNTIME_DIR=\(socket.dropLast("/windowd.sock".count))"
        let id = try other.create(
          "/bin/sh", "-c", "unset WINDOWD_SOCKET; \(variable) \"$@\"; read line", "sh", Self.create[0],
          "create-window", "--start", "--timeout", "60", "-e", "cat")
        #expect(try eventually { try other.show(id).printed > 0 })
        try other.close(id)
      }
      var client = try RawClient(socket)
      #expect(try client.ask(.listWindows, for: Reply.Windows.self).windows.map(\.id) == [1])
    }
  }

  @Test func aRelativeSocketIsTheClients() throws {
    try withoutDaemon { directory, socket, environment in
      let command = [Programs.windowctl, "create-window", "--start", "--socket", "windowd.sock", "-e", "cat"]
      let outcome = try run(command, environment: environment, setup: "cd '\(directory.path)'")
      #expect(outcome.text == "1\n", "\(outcome.errors)")
      #expect(exists(socket))
    }
  }

  @Test func aDeadDaemonsSocketIsNoObstacle() throws {
    try withoutDaemon { _, socket, environment in
      #expect(try run(Self.create, environment: environment).text == "1\n")
      let first = try #require(daemons(at: socket).first)
      kill(first, SIGKILL)
      #expect(eventually { !ProcessFacts(id: first).isAlive })
      #expect(exists(socket))
      #expect(try run(Self.create, environment: environment).text == "1\n")
    }
  }

  @Test func whyItDoesNotComeUpIsTold() throws {
    try withoutDaemon { directory, socket, environment in
      var environment = environment
      environment["XDG_CONFIG_HOME"] = directory.path
      _ = try run(["/bin/mkdir", directory.file("windowd")])
      _ = try directory.write("size = wide\n", to: "windowd/windowd.conf")
      let outcome = try run(Self.create, environment: environment)
      #expect(outcome.status == 1 && outcome.text == "")
      #expect(outcome.errors.contains("line 1: size"), "\(outcome.errors)")
      #expect(!exists(socket))
    }
  }

  @Test func howItEndsIsToldWhenItSaysNothing() throws {
    try withoutDaemon { directory, socket, environment in
      // Beside a windowctl of its own, which looks there first.
      let (program, windowd) = (directory.file("windowctl"), directory.file("windowd"))
      #expect(try run(["/bin/cp", Programs.windowctl, program]).status == 0)
      for (script, end) in [("kill -KILL $$", "killed by signal 9"), ("exit 7", "exited with status 7")] {
        #expect(try directory.write("#!/bin/sh\n\(script)\n", to: "windowd", mode: 0o755) == windowd)
        let outcome = try run([program] + Self.create.dropFirst(), environment: environment)
        #expect(outcome.status == 1)
        #expect(outcome.errors == "windowctl: cannot start windowd: \(end)\n")
      }
      #expect(!exists(socket))
    }
  }

  @Test func otherCommandsStartNothing() throws {
    try withoutDaemon { _, socket, environment throws in
      #expect(try run([Programs.windowctl, "list-windows"], environment: environment).status == 3)
      #expect(try run([Programs.windowctl, "create-window", "-e", "cat"], environment: environment).status == 3)
      #expect(daemons(at: socket).isEmpty)
    }
  }
}
