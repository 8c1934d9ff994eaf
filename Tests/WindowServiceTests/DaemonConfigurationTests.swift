// The configuration file: read at the start, where it must be right, and again at SIGHUP, where a mistake changes nothing.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

private let strace = "/usr/bin/strace"

@Suite(.leakFree) struct DaemonConfigurationTests {
  /// As on a file system that does not answer.
  @Test(.enabled(if: Programs.has(strace), "strace IS MISSING: no file is slow"))
  func aFileThatIsSlowHoldsUpNobody() throws {
    let directory = try TemporaryDirectory()
    let (socket, file) = (directory.file("s"), try directory.write("scrollback = 8192\n", to: "conf"))
    let process = try RunningProcess([
      strace, "-D", "-f", "-qq", "-o", "/dev/null", "-P", file, "-e", "trace=openat", "-e",
      "inject=openat:delay_enter=8000000", Programs.windowd, "--config", file, "--socket", socket,
    ])
    _ = try process.line(containing: "ready")
    process.signal(SIGHUP)
    var client = try RawClient(socket)
    // Heard before, or at the same time.
    for _ in 0..<3 { _ = try client.ask(.status(listing: false), for: Reply.Status.self) }
    process.signal(SIGTERM)
    _ = try process.line(containing: "stopping")
    #expect(!process.lines.contains { $0.contains("configuration read again") })
    #expect(try process.exit() == .exited(0))
  }

  @Test func isReadAtTheStart() throws {
    let text =
      "# a comment\n\n  scrollback = 8192  \r\nsize=100x30\nfont.size = 12 = twelve\nmark=\u{301}\nshell = /bin/cat\n"
    try withDaemon(configuration: text) { daemon in
      let settings = try daemon.settings()
      #expect(settings["scrollback"] == "8192" && settings["size"] == "100x30" && settings["shell"] == "/bin/cat")
      #expect(settings["font.size"] == "12 = twelve")
      #expect(settings["mark"] == "\u{301}", "a mark that combines with the sign before it")
      #expect(settings["max-windows"] == "1000")
    }
  }

  @Test func isReadAgainAtSIGHUP() throws {
    try withDaemon(configuration: "scrollback = 8192\nhang-up-grace = 2\n") { daemon in
      _ = try daemon.ask(#"{"config":{"options":["size=90x20"]}}"#)
      _ = try daemon.directory.write("scrollback = 16384\nsize = 70x20\n", to: "windowd.conf")
      daemon.process.signal(SIGHUP)
      #expect(try daemon.process.line(containing: "configuration") == "windowd: configuration read again")
      let settings = try daemon.settings()
      #expect(settings["scrollback"] == "16384" && settings["hang-up-grace"] == "3")
      // A message's settings stand above the file's.
      #expect(settings["size"] == "90x20")
      _ = try daemon.ask(#"{"config":{"options":[],"reset":true}}"#)
      #expect(try daemon.settings()["size"] == "70x20")
    }
  }

  @Test(arguments: [
    ("scrollback = 4096\nsize = wide\n", "line 2: size: 'wide' is not of the form 80x24"),
    ("\n\nnothing\n", "line 3: 'nothing' is not of the form key=value"),
    ("max-windows = 0", "line 1: max-windows: '0' is not a number from 1 to 100000"),
    ("scrollback = 99999999999999999999", "line 1: scrollback"),
    ("= x", "line 1: '= x' has no key"),
  ])
  func aMistakeIsToldWithItsLineAndChangesNothing(_ text: String, _ message: String) throws {
    try withDaemon(configuration: "scrollback = 8192\n") { daemon in
      let before = try daemon.settings()
      _ = try daemon.directory.write(text, to: "windowd.conf")
      daemon.process.signal(SIGHUP)
      let line = try daemon.process.line(containing: "configuration")
      #expect(line.hasPrefix("windowd: configuration unchanged: \(daemon.directory.file("windowd.conf")), \(message)"))
      #expect(try daemon.settings() == before)
    }
  }

  @Test func whatIsNotTextIsAMistake() throws {
    try withDaemon(configuration: "scrollback = 8192\n") { daemon in
      let file = daemon.directory.file("windowd.conf")
      _ = try run(["/bin/sh", "-c", "printf 'size=90x20\\n\\377\\n' >'\(file)'"])
      daemon.process.signal(SIGHUP)
      #expect(try daemon.process.line(containing: "unchanged").hasSuffix("\(file), line 2: not UTF-8"))
      #expect(try daemon.settings()["size"] == "80x24")
    }
  }

  @Test func aFileThatHasGoneChangesNothing() throws {
    try withDaemon(configuration: "scrollback = 8192\n") { daemon in
      _ = try run(["/bin/rm", daemon.directory.file("windowd.conf")])
      daemon.process.signal(SIGHUP)
      #expect(try daemon.process.line(containing: "unchanged").contains("No such file or directory"))
      #expect(try daemon.settings()["scrollback"] == "8192")
    }
  }

  @Test func aMistakeAtTheStartIsAnError() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("\nsize = wide\n", to: "windowd.conf")
    let outcome = try run([Programs.windowd, "--socket", directory.file("s"), "--config", file])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("\(file), line 2: size"))
    #expect(!exists(directory.file("s")))
  }

  @Test(arguments: ["missing.conf", ""])
  func aNamedFileThatCannotBeReadIsAnError(_ name: String) throws {
    let directory = try TemporaryDirectory()
    let outcome = try run(
      [Programs.windowd, "--socket", directory.file("s"), "--config", directory.file(name)])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains(directory.file(name)), "\(outcome.errors)")
    #expect(!exists(directory.file("s")))
  }

  @Test(arguments: ["XDG_CONFIG_HOME", "HOME"])
  func theUsersOwnFileIsReadAndMayBeMissing(_ variable: String) throws {
    let home = try TemporaryDirectory()
    let folder = (variable == "HOME" ? home.file(".config") : home.path) + "/windowd"
    _ = try run(["/bin/mkdir", "-p", folder])
    try withDaemon(environment: [variable: home.path]) { daemon in
      #expect(try daemon.settings()["scrollback"] == "262144")
      _ = try run(["/bin/sh", "-c", "echo scrollback=8192 >'\(folder)/windowd.conf'"])
      daemon.process.signal(SIGHUP)
      _ = try daemon.process.line(containing: "read again")
      #expect(try daemon.settings()["scrollback"] == "8192")
    }
  }

  @Test func aFIFOInItsPlaceHoldsUpNothing() throws {
    let directory = try TemporaryDirectory()
    _ = try run(["/usr/bin/mkfifo", directory.file("fifo")])
    let process = try RunningProcess(
      [Programs.windowd, "--socket", directory.file("s"), "--config", directory.file("fifo")])
    // Ready, or ended with an error; not hanging in open(2).
    #expect(try process.nextLine() != nil)
  }
}
