// A window on a real pseudo-terminal, from windowctl's command line: shown, typed in, resized, detached and given back.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree, .timeLimit(.minutes(5))) struct AttachTests {
  private func shell(_ daemon: TestDaemon) throws -> UInt64 {
    let id = try daemon.create("sh", "-c", "PS1='inner> ' exec sh -i")
    #expect(try eventually { try daemon.text(of: id).contains("inner> ") })
    return id
  }

  @Test func shellIsShownTypedInResizedDetachedAndAttachedAgain() throws {
    try withDaemon { daemon in
      let id = try shell(daemon)
      let atRest = try daemon.descriptorsAtRest()
      let screen = try Screen(columns: 100, rows: 30)
      let before = try screen.settings
      let client = try daemon.attach(id, on: screen)
      // What was kept comes first.
      #expect(screen.shows("inner> "))
      try screen.type("echo one''two; stty size\r")
      #expect(screen.shows("onetwo\r\n30 100\r\n"))
      screen.resize(columns: 90, rows: 20)
      #expect(try eventually { try daemon.window(id).columns == 90 && daemon.window(id).rows == 20 })
      try screen.type("stty size\r")
      #expect(screen.shows("20 90\r\n"))
      try screen.type("\u{1C}")
      #expect(try client.exit() == .exited(0))
      #expect(screen.text.hasSuffix("[window \(id): detached]\r\n"))
      screen.resize(columns: 100, rows: 30)
      #expect(try screen.settings == before)
      #expect(daemon.descriptors(settlingTo: atRest) == atRest)

      let again = try Screen()
      let second = try daemon.attach(id, on: again)
      #expect(again.shows("onetwo\r\n"))
      try again.type("exit 7\r")
      #expect(try second.exit() == .exited(0))
      #expect(again.text.hasSuffix("[window \(id): exited with status 7]\r\n"))
    }
  }

  @Test func killedClientLosesNothing() throws {
    try withDaemon { daemon in
      let id = try shell(daemon)
      let atRest = try daemon.descriptorsAtRest()
      let screen = try Screen()
      let before = try screen.settings
      let client = try daemon.attach(id, on: screen)
      #expect(screen.shows("inner> "))
      #expect(try screen.settings != before)
      try screen.type("sleep 0.2; echo in the''gap\r")
      #expect(screen.shows("sleep"))
      // windowd gives the terminal back, because nobody else can: out of a full-screen program's screen, and as it was.
      #expect(screen.shows("\u{1B}[?1049l") { client.signal(SIGKILL) })
      #expect(try client.exit() == .signaled(SIGKILL))
      #expect(try eventually { try screen.settings == before })
      #expect(daemon.descriptors(settlingTo: atRest) == atRest)
      #expect(try eventually { try daemon.text(of: id).contains("in thegap\r\ninner> ") })
      let second = try daemon.attach(id, on: screen)
      #expect(screen.shows("in thegap\r\ninner> "))
      second.signal(SIGTERM)
      #expect(try second.exit() == .exited(128 + SIGTERM))
      #expect(try screen.settings == before)
    }
  }

  @Test func shortProgramsOutputIsShownToItsLastLine() throws {
    try withDaemon { daemon in
      let screen = try Screen(columns: 132, rows: 43)
      let script = "stty size; seq 1 20000; exit 3"
      let client = try daemon.client(["create-window", "--attach", "--wait", "-e", "sh", "-c", script], on: screen)
      #expect(screen.shows("exited with status 3]"))
      #expect(try client.exit() == .exited(3))
      let lines = screen.text.split(whereSeparator: { $0 == "\r\n" }).map(String.init)
      #expect(lines.first == "43 132")
      #expect(lines.dropFirst().prefix(20000).elementsEqual((1...20000).map(String.init)))
      #expect(try daemon.list().isEmpty)
    }
  }

  @Test func shortestProgramIsShownWhereAManagerKeepsWindows() throws {
    let manager = try TestManager()
    for number in 1...20 {
      let screen = try Screen()
      let client = try manager.client(
        ["create-window", "--attach", "--wait", "-e", "echo", "seen \(number)"], on: screen)
      #expect(try client.exit() == .exited(0))
      #expect(screen.text.contains("seen \(number)\r\n"))
    }
    try manager.expectStored(0)
  }

  @Test func programThatEndsWhileItsTerminalIsBehindIsKeptWhole() throws {
    try withDaemon { daemon in
      let screen = try Screen()
      // Nobody looks at the screen. More than it takes and the daemon reads ahead: the rest is in the window's terminal when
      // the program ends.
      let script = "read x; head -c 86000 /dev/zero | tr '\\0' x; echo END"
      let id = try daemon.create("sh", "-c", script, hold: true)
      let client = try daemon.attach(id, on: screen)
      try screen.type("go\r")
      #expect(try eventually { try daemon.list().first?.exit != nil })
      #expect(try daemon.text(of: id).hasSuffix("xEND\r\n"))
      #expect(screen.shows("exited with status 0]"))
      #expect(try client.exit() == .exited(0))
    }
  }

  @Test func othersAreRefusedTakeOverOrWatch() throws {
    try withDaemon { daemon in
      let id = try shell(daemon)
      let (first, second, third) = (try Screen(), try Screen(columns: 70, rows: 20), try Screen(columns: 60, rows: 10))
      let owner = try daemon.attach(id, on: first)
      #expect(first.shows("inner> "))
      let refused = try daemon.attach(id, on: second)
      #expect(try refused.exit() == .exited(1))
      #expect(second.text.contains("process \(owner.id) is attached to window \(id)"))

      let watcher = try daemon.attach(id, on: third, "--read-only")
      #expect(third.shows("inner> "))
      try third.type("echo never\r")
      try first.type("echo every''body\r")
      #expect(first.shows("everybody") && third.shows("everybody"))
      // Who watches does not say how large the window is.
      #expect(try daemon.window(id).columns == 80)

      let thief = try daemon.attach(id, on: second, "--steal")
      #expect(try owner.exit() == .exited(1))
      #expect(first.text.hasSuffix("[window \(id): taken over by another client]\r\n"))
      try second.type("echo my''self\r")
      #expect(second.shows("myself") && third.shows("myself"))
      #expect(try daemon.window(id).columns == 70)
      #expect(!third.text.contains("never"))
      try third.type("\u{1C}")
      #expect(try watcher.exit() == .exited(0))
      try second.type("\u{1C}")
      #expect(try thief.exit() == .exited(0))
    }
  }

  @Test func keyIsConfigurableAndCanBeNone() throws {
    try withDaemon { daemon in
      let id = try daemon.create("sh", "-c", "stty raw; echo ready; cat -v")
      // Before, the key would be the interrupting kind.
      #expect(try eventually { try daemon.text(of: id).contains("ready") })
      let screen = try Screen()
      let other = try daemon.attach(id, on: screen, "--detach-key", "^a")
      try screen.type("\u{1C}")
      #expect(screen.shows("^\\"))
      try screen.type("\u{01}")
      #expect(try other.exit() == .exited(0))
      let encoded = try daemon.attach(id, on: screen, "--detach-key", "^a")
      #expect(try screen.shows("^[[98;5u") { try screen.type("\u{1B}[98;5u") })
      // Over a slow line, in two parts.
      #expect(try screen.shows("^[[97;") { try screen.type("\u{1B}[97;") })
      try screen.type("5u")
      #expect(try encoded.exit() == .exited(0))
      let none = try daemon.attach(id, on: screen, environment: ["WINDOWCTL_DETACH_KEY": "none"])
      #expect(try screen.shows("^A^\\") { try screen.type("\u{01}\u{1C}") })
      none.signal(SIGINT)
      #expect(try none.exit() == .exited(130))
      let wrong = try daemon.windowctl("attach", "--detach-key", "F1", "1")
      #expect(wrong.status == 64)
    }
  }

  @Test func programsDrawAnewForATerminalOfTheSameSize() throws {
    try withDaemon { daemon in
      let id = try daemon.create("sh", "-c", "trap 'echo drawn' WINCH; echo ready; while :; do sleep 0.05; done")
      #expect(try eventually { try daemon.text(of: id) == "ready\r\n" })
      let screen = try Screen()
      let client = try daemon.attach(id, on: screen)
      #expect(screen.shows("ready\r\ndrawn\r\n"))
      try screen.type("\u{1C}")
      #expect(try client.exit() == .exited(0))
    }
  }

  @Test func slowTerminalDelaysNobodyAndSeesTheNewest() throws {
    try withDaemon { daemon in
      let screen = try Screen()
      // Nobody looks at the screen while twenty times as much is printed as may wait for it.
      let script =
        "i=0; while [ $i -lt 80 ]; do head -c 1000000 /dev/zero | tr '\\0' x; i=$((i+1)); done; echo; echo LAST; read x"
      let id = try daemon.create("sh", "-c", "read x; " + script)
      let client = try daemon.attach(id, on: screen)
      try screen.type("go\r")
      #expect(try eventually { try daemon.text(of: id).contains("LAST") })
      #expect(try daemon.printed(by: "echo", "others are served") == "others are served\n")
      #expect(screen.shows("bytes were too many for this terminal]"))
      #expect(screen.shows("LAST"))
      try screen.type("\u{1C}")
      #expect(try client.exit() == .exited(0))
    }
  }

  @Test func windowIsNotShownInItself() throws {
    try withDaemon { daemon in
      let screen = try Screen()
      let id = try shell(daemon)
      let client = try daemon.attach(id, on: screen)
      #expect(screen.shows("inner> "))
      try screen.type("\(Programs.windowctl) attach --steal \(id)\r")
      #expect(screen.shows("would show itself for ever"))
      // Nor through another one.
      let other = try shell(daemon)
      try screen.type("\(Programs.windowctl) attach \(other)\r")
      #expect(try eventually { try daemon.text(of: id).hasSuffix("inner> ") })
      #expect(
        try screen.shows("would show itself for ever") {
          try screen.type("\(Programs.windowctl) attach --read-only \(id)\r")
        })
      client.signal(SIGTERM)
      #expect(try client.exit() == .exited(128 + SIGTERM))
    }
  }

  @Test func daemonThatIsGoneLeavesTheTerminalAsItWas() throws {
    for signal in [SIGKILL, SIGTERM] {
      let daemon = try TestDaemon()
      let id = try shell(daemon)
      let screen = try Screen()
      let before = try screen.settings
      let client = try daemon.attach(id, on: screen)
      #expect(screen.shows("inner> "))
      daemon.process.signal(signal)
      _ = try daemon.process.exit()
      // Nobody starts one that was killed again, although the client gives it time.
      #expect(try client.exit() == .exited(signal == SIGKILL ? 3 : 0))
      #expect(screen.shows(signal == SIGKILL ? "nobody serves" : "[window \(id): killed by signal 1]"))
      #expect(try screen.settings == before)
    }
  }

  @Test func terminalThatIsHungUpIsLetGo() throws {
    try withDaemon { daemon in
      let id = try shell(daemon)
      let atRest = try daemon.descriptorsAtRest()
      let screen = try Screen()
      let client = try daemon.attach(id, on: screen)
      #expect(screen.shows("inner> "))
      screen.hangUp()
      #expect(try client.exit() != .exited(0))
      #expect(daemon.descriptors(settlingTo: atRest) == atRest)
      #expect(try daemon.window(id).exit == nil)
    }
  }
}
