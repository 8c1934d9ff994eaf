// Text that somebody else made: on a terminal it is shown and not obeyed, raw it is what it was, and in JSON nothing is lost.

internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct ControlOutputTests {
  private static let hostile = "a\u{1B}[2J\u{7}\u{9B}\rb\u{202E}"

  /// What windowctl prints on a terminal: a window of the daemon's own is one.
  private func onTerminal(_ daemon: TestDaemon, _ arguments: String...) throws -> String {
    var window = WindowSpecification()
    window.command = [Programs.windowctl] + arguments
    window.hold = true
    let id = try daemon.ask(.createWindow(window), for: Reply.Created.self).id
    _ = try daemon.output(of: id)
    let text = String(decoding: try daemon.show(id).output.bytes, as: UTF8.self)
    try daemon.close(id)
    return text
  }

  private func withOutput(_ body: (TestDaemon) throws -> Void) throws {
    try withDaemon { daemon in
      let id = try daemon.create("printf", #"a\033[2J\007\302\233\rb\342\200\256\377\n\tend\n"#, hold: true)
      #expect(try eventually { try daemon.window(id).exit != nil })
      try body(daemon)
    }
  }

  @Test func whatAChildPrintedIsShownOnATerminal() throws {
    try withOutput { daemon throws in
      #expect(try onTerminal(daemon, "show", "1") == "a\\e[2J\\u{7}\\u{9B}\\rb\\u{202E}\u{FFFD}\r\n\tend\r\n")
    }
  }

  @Test func rawItIsWhatItWas() throws {
    try withOutput { daemon in
      let bytes = try daemon.show(1).output.bytes
      #expect(bytes.contains(0xFF) && bytes.contains(0x1B))
      // Raw on a terminal, and always where there is no terminal.
      let raw = try onTerminal(daemon, "show", "1", "--raw")
      #expect(raw.hasPrefix("a\u{1B}[2J\u{7}\u{9B}\rb\u{202E}"))
      #expect(try daemon.windowctl("show", "1").output == bytes)
      #expect(try daemon.windowctl("show", "1", "--raw").output == bytes)
    }
  }

  @Test func inJSONItIsBase64WhenItIsNotText() throws {
    try withOutput { daemon in
      let line = try daemon.windowctl("show", "1", "--json").text
      #expect(line.contains(#""output":{"base64":""#))
      let shown = try WireFormat.decode(Reply.Shown.self, from: Array(line.utf8))
      #expect(shown.output.bytes == (try daemon.show(1).output.bytes))
    }
  }

  @Test func titlesAndCommandsAreShownToo() throws {
    try withDaemon { daemon in
      var window = WindowSpecification(command: "cat", "-", "x\ny")
      window.title = Self.hostile
      _ = try daemon.ask(.createWindow(window), for: Reply.Created.self)
      let shown = #"a\e[2J\u{7}\u{9B}\rb\u{202E}"#
      let list = try onTerminal(daemon, "list-windows")
      #expect(list.contains(shown) && list.contains(#"x\ny"#))
      #expect(!list.contains("\u{1B}") && !list.contains("\u{9B}"))
      #expect(try daemon.windowctl("list-windows", "--raw").text.contains(Self.hostile))
      // In JSON nothing moves a cursor, and nothing is lost.
      let json = try daemon.windowctl("list-windows", "--json").text
      #expect(!json.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
      let windows = try WireFormat.decode(Reply.Windows.self, from: Array(json.utf8)).windows
      #expect(windows.first?.title == Self.hostile)
    }
  }

  @Test func settingsAreShownToo() throws {
    try withDaemon { daemon in
      _ = try daemon.windowctl("config", "font\u{1B}.size=\u{1B}[2J\nx")
      let lines = try onTerminal(daemon, "get-config")
      #expect(lines.hasPrefix(#"font\e.size = \e[2J\nx"# + "\r\n"))
      #expect(try daemon.windowctl("get-config", "--raw").text.hasPrefix("font\u{1B}.size = \u{1B}[2J\nx\n"))
    }
  }

  @Test func messagesAreShownToo() throws {
    try withDaemon { daemon in
      let outcome = try daemon.windowctl("create-window", "-e", "/x\u{1B}[2J\nwindowctl: forged")
      #expect(outcome.status == 1)
      #expect(outcome.errors == #"windowctl: execute /x\e[2J\nwindowctl: forged: No such file or directory"# + "\n")
    }
  }
}
