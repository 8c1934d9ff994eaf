// Debian's own `alacritty msg`, as people have it: it needs no display to talk to a terminal that has none.

internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(
  .leakFree,
  .enabled(if: Programs.has("/usr/bin/alacritty"), "THE PACKAGE alacritty IS MISSING: its client is not tried"))
struct AlacrittyClientTests {
  private func alacritty(_ daemon: TestDaemon, _ arguments: String...) throws {
    let outcome = try run(["/usr/bin/alacritty", "msg", "-s", daemon.socket] + arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  @Test func opensAWindowWithCommandDirectoryTitleAndClass() throws {
    try withDaemon { daemon in
      try alacritty(
        daemon, "create-window", "--working-directory", "/usr", "--title", "Título 😀", "--class", "inst,gen", "-e",
        "sh", "-c", "echo \"$PWD\"; cat", "with space", "\"quoted\"")
      #expect(try eventually { try daemon.list().count == 1 })
      let window = try #require(try daemon.list().first)
      #expect(window.command == ["sh", "-c", "echo \"$PWD\"; cat", "with space", "\"quoted\""])
      #expect(window.workingDirectory == "/usr")
      #expect(window.title == "Título 😀")
      // The two parts come in the order in which this client writes them.
      let parts = [window.windowClass?.general, window.windowClass?.instance]
      #expect(Set(parts) == ["inst", "gen"])
      #expect(!window.hold)
      #expect(try eventually { try daemon.show(1).output.bytes == Array("/usr\r\n".utf8) })
      #expect(try daemon.child(of: 1).directory == "/usr")
    }
  }

  @Test func opensALoginShellThatIsHeld() throws {
    try withDaemon(configuration: "shell = /bin/true") { daemon in
      try alacritty(daemon, "create-window", "--hold")
      #expect(try eventually { try daemon.list().first?.exit != nil })
      let window = try #require(try daemon.list().first)
      #expect(window.command == ["/bin/true"] && window.hold && window.exit?.status == 0)
    }
  }

  @Test func changesSettings() throws {
    try withDaemon { daemon in
      try alacritty(daemon, "config", "font.size=12", "cursor.style=Beam")
      #expect(try eventually { try daemon.settings()["font.size"] == "12" })
      #expect(try daemon.settings()["cursor.style"] == "Beam")
      try alacritty(daemon, "config", "--reset")
      #expect(try eventually { try daemon.settings()["font.size"] == nil })
    }
  }

  @Test func talksFromInsideAWindow() throws {
    try withDaemon { daemon in
      // Without -s: by ALACRITTY_SOCKET, which every child has.
      _ = try daemon.create("/usr/bin/alacritty", "msg", "create-window", "-e", "cat")
      #expect(try eventually { try daemon.list().contains { $0.command == ["cat"] } })
    }
  }

  @Test func aFailedSpawnHarmsNobody() throws {
    try withDaemon { daemon in
      let before = try daemon.descriptorsAtRest()
      for _ in 0..<5 { try alacritty(daemon, "create-window", "-e", "/nonexistent/cmd") }
      _ = try daemon.process.line(containing: "/nonexistent/cmd")
      #expect(daemon.descriptors(settlingTo: before) == before)
    }
  }
}
