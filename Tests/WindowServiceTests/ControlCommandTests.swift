// windowctl's commands against a real daemon: what each prints, as text and as JSON, and what it exits with.

internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct ControlCommandTests {
  @Test func createListAndClose() throws {
    try withDaemon { daemon in
      let created = try daemon.windowctl(
        "create-window", "--working-directory", "/usr", "--title", "a title", "--class", "general,instance", "--hold",
        "--env", "A=b c", "-o", "size=100x30", "-e", "sh", "-c", "echo \"$A\"; pwd", "--title", "not ours")
      #expect(created.status == 0 && created.text == "1\n" && created.errors == "")
      #expect(try daemon.output(of: 1) == "b c\n/usr\n")
      let window = try daemon.window(1)
      #expect(window.command == ["sh", "-c", "echo \"$A\"; pwd", "--title", "not ours"])
      #expect(window.title == "a title" && window.hold && window.columns == 100)
      #expect(window.windowClass == WindowClass(general: "general", instance: "instance"))
      #expect(try daemon.windowctl("create-window", "-e", "cat").text == "2\n")

      let pid = try #require(try daemon.window(2).pid)
      let list = try daemon.windowctl("list-windows")
      try #require(list.status == 0 && list.lines.count == 3)
      let columns = list.lines.map { $0.split(separator: " ").map(String.init) }
      #expect(columns[0] == ["ID", "PID", "SIZE", "STATE", "TITLE", "COMMAND"])
      #expect(columns[1].starts(with: ["1", "-", "100x30", "exited", "with", "status", "0", "a", "title", "sh"]))
      #expect(columns[2] == ["2", "\(pid)", "80x24", "running", "cat", "cat"])
      // The same columns below each other.
      let starts = list.lines.map { $0.distance(from: $0.startIndex, to: $0.endIndex) }
      #expect(starts.allSatisfy { $0 > 20 })

      let closed = try daemon.windowctl("close-window", "2")
      #expect(closed.status == 0 && closed.text == "" && closed.errors == "")
      #expect(try daemon.list().map(\.id) == [1])
    }
  }

  @Test func anEmptyListPrintsNothing() throws {
    try withDaemon { daemon throws in
      #expect(try daemon.windowctl("list-windows").text == "")
      #expect(try daemon.windowctl("list-windows", "--json").text == "{\"windows\":[]}\n")
    }
  }

  @Test func everyCommandHasOneJSONObject() throws {
    try withDaemon { daemon in
      #expect(try daemon.windowctl("create-window", "--json", "-e", "cat").text == "{\"id\":1}\n")
      let window = try daemon.window(1)
      let (pid, opened) = (try #require(window.pid), try #require(window.opened))
      #expect(
        try daemon.windowctl("list-windows", "--json").text == """
          {"windows":[{"columns":80,"command":["cat"],"hold":false,"id":1,"opened":\(opened),"pid":\(pid),"rows":24,\
          "title":"cat"}]}

          """)
      #expect(try daemon.windowctl("resize-window", "1", "90", "20", "--json").text == "{\"ok\":true}\n")
      #expect(try daemon.window(1).columns == 90)
      #expect(
        try daemon.windowctl("show", "1", "--json").text == "{\"id\":1,\"output\":{\"utf8\":\"\"},\"printed\":0}\n")
      #expect(try daemon.windowctl("config", "--json", "font.size=12").text == "{\"ok\":true}\n")
      #expect(try daemon.windowctl("get-config", "--json").text.hasPrefix(#"{"config":{"font.size":"12","#))
      #expect(try daemon.windowctl("close-window", "1", "--json").text == "{\"ok\":true}\n")
      #expect(try daemon.windowctl("wait", "1", "--json").text == "{\"exit\":{\"signal\":1},\"id\":1}\n")
      let status = try WireFormat.decode(
        Reply.Status.self, from: Array(try daemon.windowctl("status", "--json").text.utf8))
      #expect(status.pid == daemon.process.id)
      let refused = try daemon.windowctl("show", "9", "--json")
      #expect(refused.status == 1 && refused.errors == "windowctl: there is no window 9\n")
      #expect(refused.text == #"{"error":{"code":"no-such-window","message":"there is no window 9"}}"# + "\n")
    }
  }

  @Test func settingsAreChangedAndPrinted() throws {
    try withDaemon { daemon in
      #expect(try daemon.windowctl("config", "font.size=12", "scrollback=8192").text == "")
      let lines = try daemon.windowctl("get-config").lines
      #expect(
        lines == [
          "font.size = 12", "hang-up-grace = 3", "max-windows = 1000", "scrollback = 8192", "shell = ",
          "size = 80x24", "start-timeout = 30",
        ])
      _ = try daemon.create("cat")
      #expect(try daemon.windowctl("config", "--window", "1", "font.size=7").status == 0)
      #expect(try daemon.windowctl("get-config", "--window", "1").lines.first == "font.size = 7")
      #expect(try daemon.windowctl("config", "--reset").status == 0)
      #expect(try daemon.windowctl("get-config").lines.first == "hang-up-grace = 3")
      let wrong = try daemon.windowctl("config", "size=wide")
      #expect(wrong.status == 1 && wrong.errors == "windowctl: size: 'wide' is not of the form 80x24\n")
    }
  }

  @Test func statusTellsTheDescriptorsByKind() throws {
    try withDaemon { daemon in
      _ = try daemon.create("cat")
      let lines = try daemon.windowctl("status").lines
      #expect(lines.map { $0.split(separator: " ")[0] } == ["pid", "uptime", "windows", "connections", "descriptors"])
      #expect(lines[0].hasSuffix(" \(daemon.process.id)"))
      #expect(lines[2].hasSuffix(" 1"))
      #expect(lines[4].contains("1 pidfd") && lines[4].contains("1 terminal"))
    }
  }

  @Test func waitWaitsAndTellsHowItEnded() throws {
    try withDaemon { daemon in
      for (script, text, code) in [
        ("exit 0", "exited with status 0", Int32(0)), ("exit 3", "exited with status 3", 3),
        ("kill -9 $$", "killed by signal 9", 137),
      ] {
        // It ends only after somebody waits for it, then for one that has already gone.
        let gate = daemon.directory.file("gate")
        _ = try run(["/bin/sh", "-c", "rm -f '\(gate)'; mkfifo '\(gate)'"])
        let id = try daemon.create("sh", "-c", "read line <'\(gate)'; \(script)")
        let environment = plainEnvironment(["WINDOWD_SOCKET": daemon.socket])
        let waiting = try Job([Programs.windowctl, "wait", "--exit-status", "\(id)"], environment: environment)
        #expect(try eventually { try daemon.status().connections == 2 })
        _ = try run(["/bin/sh", "-c", "echo >'\(gate)'"])
        let outcome = try waiting.outcome()
        #expect(outcome.text == "window \(id) \(text)\n" && outcome.status == code)
        let again = try daemon.windowctl("wait", "\(id)")
        #expect(again.text == outcome.text && again.status == 0)
        #expect(try daemon.windowctl("wait", "--exit-status", "\(id)").status == code)
      }
    }
  }

  @Test func aWaitThatIsInterruptedLeavesNothing() throws {
    try withDaemon { daemon in
      let before = try daemon.descriptorsAtRest()
      let id = try daemon.create("cat")
      let waiting = try Job(
        [Programs.windowctl, "wait", "\(id)"], environment: plainEnvironment(["WINDOWD_SOCKET": daemon.socket]))
      #expect(try eventually { try daemon.status().connections == 2 })
      waiting.process.signal(15)
      #expect(try waiting.outcome().status == -15)
      #expect(try daemon.list().map(\.id) == [id])
      try daemon.close(id)
      #expect(daemon.descriptors(settlingTo: before) == before)
    }
  }

  @Test func relativeDirectoriesAreTheClients() throws {
    try withDaemon { daemon in
      let outcome = try daemon.windowctl("create-window", "--working-directory", "lib", "-e", "cat", setup: "cd /usr")
      #expect(outcome.text == "1\n")
      #expect(try daemon.child(of: 1).directory == link(at: "/usr/lib") ?? "/usr/lib")
    }
  }

  @Test func theClassHasOnePartOrTwo() throws {
    try withDaemon { daemon in
      _ = try daemon.windowctl("create-window", "--class", "only", "-e", "cat")
      #expect(try daemon.window(1).windowClass == WindowClass(general: "only", instance: "only"))
    }
  }

  @Test func theSocketMayStandBeforeOrBehindTheCommand() throws {
    try withDaemon { daemon in
      for arguments in [["--socket", daemon.socket, "list-windows"], ["list-windows", "--socket", daemon.socket]] {
        let outcome = try run([Programs.windowctl] + arguments)
        #expect(outcome.status == 0, "\(arguments): \(outcome.errors)")
      }
    }
  }
}

@Suite(.leakFree) struct ControlWaitTests {
  @Test func createAndWaitExitsAsTheChildDid() throws {
    try withDaemon { daemon in
      let failed = try daemon.windowctl("create-window", "--wait", "-e", "sh", "-c", "exit 9")
      #expect(failed.status == 9 && failed.text == "1\n" && failed.errors == "")
      let killed = try daemon.windowctl("create-window", "--wait", "--json", "-e", "sh", "-c", "kill -TERM $$")
      #expect(killed.status == 143)
      #expect(killed.lines == [#"{"id":2}"#, #"{"exit":{"signal":15},"id":2}"#])
      #expect(try daemon.windowctl("create-window", "--wait", "-e", "true").status == 0)
      let missing = try daemon.windowctl("create-window", "--wait", "-e", "/no/such/program")
      #expect(missing.status == 125 && missing.errors.contains("No such file or directory"))
      let late = try daemon.windowctl("create-window", "--wait", "--timeout", "0.05", "-e", "sleep", "1000")
      #expect(late.status == 125 && late.errors.contains("no answer in time"))
      // It may be opening still.
      #expect(try eventually { try daemon.list().count == 1 })
    }
  }
}
