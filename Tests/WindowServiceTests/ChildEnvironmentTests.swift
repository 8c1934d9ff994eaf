// What a window's program finds itself in: exactly the variables, descriptors, signals, limits and directory that it
// should have, and nothing that is the daemon's own.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct ChildEnvironmentTests {
  @Test func variablesAreTheDaemonsWithoutItsOwn() throws {
    let own: [String: String?] = [
      "NOTIFY_SOCKET": "/run/notify", "WATCHDOG_PID": "1", "WATCHDOG_USEC": "1", "INVOCATION_ID": "x",
      "JOURNAL_STREAM": "1:2", "FDSTORE": "0", "LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "x",
      "SYSTEMD_EXEC_PID": "1", "MAINPID": "1", "MAINPIDFDID": "1", "MANAGERPID": "1", "MANAGERPIDFDID": "1",
      "PIDFILE": "/run/x", "DEBUG_INVOCATION": "1", "LOG_NAMESPACE": "x", "REMOTE_ADDR": "::1", "REMOTE_PORT": "1",
      "SO_COOKIE": "1", "TRIGGER_UNIT": "x", "TRIGGER_PATH": "/x", "TRIGGER_TIMER_REALTIME_USEC": "1",
      "TRIGGER_TIMER_MONOTONIC_USEC": "1", "MONITOR_SERVICE_RESULT": "x", "MONITOR_EXIT_CODE": "x",
      "MONITOR_EXIT_STATUS": "1", "MONITOR_INVOCATION_ID": "x", "MONITOR_UNIT": "x", "TERM": "dumb",
      "WINDOWD_WINDOW": "77", "ALACRITTY_WINDOW_ID": "77",
      "COLUMNS": "10", "LINES": "10", "TMUX": "x", "KEPT": "kept value", "EMPTY": "", "LD_LIBRARY_PATH": nil,
    ]
    try withDaemon(environment: own, setup: "unset PWD OLDPWD _ SHLVL") { daemon in
      var window = WindowSpecification(command: "env")
      window.hold = true
      window.environment = ["ADDED=one=two", "MARK=\u{301}", "KEPT=changed", "TITLE=Título"]
      let id = try daemon.ask(.createWindow(window), for: Reply.Created.self).id
      let expected =
        [
          "ADDED=one=two", "ALACRITTY_SOCKET=\(daemon.socket)", "ALACRITTY_WINDOW_ID=\(id)", "EMPTY=", "HOME=/",
          "KEPT=changed", "MARK=\u{301}", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
          "SHELL=/bin/sh",
          "TERM=xterm-256color", "TITLE=Título", "WINDOWD_SOCKET=\(daemon.socket)", "WINDOWD_WINDOW=\(id)",
        ] + Sanitizer.variables.map { "\($0.name)=\($0.value)" }
      let found = try daemon.output(of: id).split(separator: "\n").map(String.init)
      #expect(found.sorted() == expected.sorted())
      let plain = try daemon.printed(by: "env").split(separator: "\n").map(String.init)
      let added = ["ADDED=", "MARK=", "KEPT=", "TITLE=", "WINDOWD_WINDOW=", "ALACRITTY_WINDOW_ID="]
      let unchanged = expected.filter { line in !added.contains { line.utf8.starts(with: $0.utf8) } }
      let own = ["KEPT=kept value", "WINDOWD_WINDOW=\(id + 1)", "ALACRITTY_WINDOW_ID=\(id + 1)"]
      #expect(plain.sorted() == (unchanged + own).sorted())
    }
  }

  @Test func aClientsOwnTERMWins() throws {
    try withDaemon { daemon in
      var window = WindowSpecification(command: "printenv", "TERM")
      window.hold = true
      window.environment = ["TERM=vt100"]
      let id = try daemon.ask(.createWindow(window), for: Reply.Created.self).id
      #expect(try daemon.output(of: id) == "vt100\n")
    }
  }

  @Test func descriptorsAreTheTerminalThreeTimes() throws {
    // The daemon itself has inherited one more, which no child may have.
    try withDaemon(setup: "exec 9</dev/zero") { daemon in
      for _ in 0..<3 { _ = try daemon.create("cat") }
      let child = try daemon.child(of: 3)
      // While a program begins, its loader has a library open.
      var descriptors: [Int32: String] = [:]
      let areThree = eventually {
        descriptors = child.descriptors
        return Set(descriptors.keys) == [0, 1, 2]
      }
      #expect(areThree)
      #expect(Set(descriptors.values).count == 1)
      #expect(descriptors[0]?.hasPrefix("/dev/pts/") == true)
    }
  }

  @Test func sessionAndTerminalAreItsOwn() throws {
    try withDaemon { daemon throws in
      let (first, second) = (try daemon.create("cat"), try daemon.create("cat"))
      let child = try daemon.child(of: first)
      #expect(child.parent == Int(daemon.process.id))
      #expect(child.session == Int(child.id) && child.group == Int(child.id))
      let terminal = try #require(child.descriptors[0])
      let name = terminal.dropFirst("/dev/pts/".count)
      // Major 136 is the terminals' of /dev/pts, the minor number is the name.
      #expect(child.terminal == 136 << 8 | (Int(name) ?? -1))
      #expect(try daemon.child(of: second).terminal != child.terminal)
      let third = try daemon.create("sh", "-c", "tty; tty <&1; tty <&2; exec cat")
      #expect(try eventually { try daemon.child(of: third).descriptors.count == 3 })
      let own = try #require(try daemon.child(of: third).descriptors[0])
      let printed = Array(String(repeating: own + "\r\n", count: 3).utf8)
      #expect(try eventually { try daemon.show(third).output.bytes == printed })
    }
  }

  @Test func signalsAreAtTheirDefaults() throws {
    // The daemon is started with signals ignored that a child must not ignore.
    try withDaemon(setup: "trap '' HUP INT QUIT PIPE USR1") { daemon in
      let child = try daemon.child(of: try daemon.create("sleep", "100"))
      #expect(eventually { child.status("SigCgt") == "0000000000000000" })
      for set in ["SigBlk", "SigIgn", "SigPnd", "ShdPnd"] { #expect(child.status(set) == "0000000000000000", "\(set)") }
    }
  }

  @Test func limitsAndMaskAreThoseTheDaemonWasStartedWith() throws {
    try withDaemon(setup: "umask 027; ulimit -S -n 200; ulimit -H -n 3000") { daemon in
      let child = try daemon.child(of: try daemon.create("sleep", "100"))
      #expect(child.descriptorLimits == ["200", "3000"])
      #expect(child.status("Umask") == "0027")
      #expect(daemon.facts.descriptorLimits == ["3000", "3000"], "the daemon itself takes all it may have")
    }
  }

  /// The unit's own is for what the manager keeps.
  @Test(arguments: [2000, 200]) func limitOfAServiceIsALoginsAtMost(soft: Int) throws {
    let directory = try TemporaryDirectory()
    let manager = directory.file("nobody")
    try withDaemon(environment: ["NOTIFY_SOCKET": manager], setup: "ulimit -S -n \(soft); ulimit -H -n 3000") {
      daemon in
      let child = try daemon.child(of: try daemon.create("sleep", "100"))
      #expect(child.descriptorLimits == ["\(min(soft, 1024))", "3000"])
    }
  }

  @Test func startsWhereItWasAskedTo() throws {
    let home = try TemporaryDirectory()
    try withDaemon(environment: ["HOME": home.path]) { daemon throws in
      #expect(try daemon.child(of: try daemon.create("cat", directory: "/usr")).directory == "/usr")
      #expect(try daemon.child(of: try daemon.create("cat")).directory == home.path)
    }
  }

  @Test func aMissingHomeIsNoReasonToRefuse() throws {
    try withDaemon(environment: ["HOME": "/nonexistent"]) { daemon throws in
      #expect(try daemon.child(of: try daemon.create("cat")).directory == "/")
    }
  }

  @Test func withoutHOMEItIsTheAccounts() throws {
    let account = try run(["/bin/sh", "-c", "getent passwd $(id -u) | cut -d: -f6,7"]).lines.first?.split(
      separator: ":")
    let fields = try #require(account)
    try withDaemon(environment: ["HOME": nil, "SHELL": nil]) { daemon in
      #expect(try daemon.child(of: try daemon.create("cat")).directory == String(fields[0]))
      let id = try daemon.create()
      #expect(try daemon.window(id).command == [String(fields[1])])
    }
  }

  @Test func theShellIsTheConfigurationsElseTheEnvironments() throws {
    try withDaemon(environment: ["SHELL": "/bin/cat"]) { daemon in
      #expect(try daemon.window(try daemon.create()).command == ["/bin/cat"])
      #expect(try daemon.ask(#"{"config":{"options":["shell=/bin/sleep"]}}"#) == #"{"ok":true}"#)
      // It is a program that runs and ends at once: sleep without an argument.
      let id = try daemon.create(hold: true)
      #expect(try daemon.window(id).command == ["/bin/sleep"])
      #expect(try daemon.output(of: id).contains("sleep"))
    }
  }

  @Test func programsAreLookedUpInTheWindowsOwnPATH() throws {
    let directory = try TemporaryDirectory()
    _ = try directory.write("echo no interpreter: $0 $1\n", to: "plain", mode: 0o755)
    _ = try directory.write("#!/bin/sh\necho script $1\n", to: "a-script", mode: 0o755)
    try withDaemon { daemon in
      for (name, expected) in [
        ("a-script", "script argument\n"), ("plain", "no interpreter: \(directory.path)/plain argument\n"),
      ] {
        var window = WindowSpecification(command: name, "argument")
        window.hold = true
        #expect(try daemon.failure(of: .createWindow(window)) == .spawnFailed)
        window.environment = ["PATH=/nonexistent::\(directory.path):/bin"]
        let id = try daemon.ask(.createWindow(window), for: Reply.Created.self).id
        #expect(try daemon.output(of: id) == expected)
      }
    }
  }
}
