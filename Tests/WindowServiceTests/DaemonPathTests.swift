// Who owns the socket's path: one daemon at a time, through crashes, and never at the cost of somebody else's file.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct DaemonPathTests {
  @Test func aSecondDaemonIsRefusedAndTheFirstUnharmed() throws {
    try withDaemon { daemon in
      let second = try run([Programs.windowd, "--socket", daemon.socket])
      #expect(second.status == DaemonStatus.alreadyServed)
      #expect(second.status == 75)
      #expect(second.errors.hasPrefix("windowd: ") && second.errors.contains(daemon.socket), "\(second.errors)")
      #expect(second.errors.contains("Address already in use"))
      #expect(second.lines.isEmpty)
      #expect(try daemon.list().isEmpty)
    }
  }

  @Test func aSocketWithoutALockIsStillSomebodys() throws {
    // As systemd makes them: nobody holds a lock, but somebody listens.
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory.file("s")))
    _ = try run(["/bin/rm", directory.file("s.lock")])
    let outcome = try run([Programs.windowd, "--socket", directory.file("s")])
    #expect(outcome.status == 75)
    #expect(exists(directory.file("s")))
    _ = try RawClient(directory.file("s"))
    try listener.close()
  }

  @Test(.enabled(if: Programs.has("/usr/bin/strace"), "strace IS MISSING: no call is made to fail"))
  func aLockThatCannotBeLookedAtIsAnError() throws {
    let directory = try TemporaryDirectory()
    let lock = directory.file("s.lock")
    // Every second one of these is lstat(2); the others are fstat(2) of the file that was opened.
    let fault = ["-P", lock, "-e", "trace=newfstatat", "-e", "inject=newfstatat:error=ENOMEM:when=2+2"]
    let outcome = try run(
      ["/usr/bin/strace", "-f", "-o", "/dev/null"] + fault + [Programs.windowd, "--socket", directory.file("s")])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("Cannot allocate memory"), "\(outcome.errors)")
  }

  @Test func aDeadDaemonsSocketIsSwept() throws {
    let directory = try TemporaryDirectory()
    let socket = directory.file("windowd.sock")
    for _ in 0..<2 {
      let process = try RunningProcess([Programs.windowd, "--socket", socket])
      _ = try process.line(containing: "ready")
      var client = try RawClient(socket)
      #expect(try client.ask(#"{"list-windows":{}}"#) == #"{"windows":[]}"#)
      process.signal(SIGKILL)
      #expect(try process.exit() == .signaled(SIGKILL))
      #expect(exists(socket))
    }
  }

  @Test func whatIsNoSocketStays() throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("precious", to: "file")
    let outcome = try run([Programs.windowd, "--socket", file])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains(file))
    #expect(text(of: file) == "precious")
  }

  @Test func socketAndLockAreTheOwnersAlone() throws {
    try withDaemon(setup: "umask 0") { daemon in
      let modes = try run(["/usr/bin/stat", "-c", "%a", daemon.socket, daemon.socket + ".lock"])
      #expect(modes.lines == ["600", "600"])
    }
  }

  @Test(arguments: [
    ("/nonexistent/s", "No such file or directory"),
    ("/tmp/" + String(repeating: "x", count: 110), "File name too long"),
    ("", "No such file or directory"),
  ])
  func aPathThatCannotBeIsAnError(_ path: String, _ reason: String) throws {
    let outcome = try run([Programs.windowd, "--socket", path])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains(reason), "\(outcome.errors)")
  }

  @Test func theEnvironmentNamesThePath() throws {
    let directory = try TemporaryDirectory()
    for (variable, value, path) in [
      ("WINDOWD_SOCKET", directory.file("own"), directory.file("own")),
      ("XDG_RUNTIME_DIR", directory.path, directory.file("windowd.sock")),
    ] {
      let environment = plainEnvironment([variable: value])
      let process = try RunningProcess([Programs.windowd], environment: environment)
      _ = try process.line(containing: "ready")
      #expect(exists(path))
      let list = try run([Programs.windowctl, "list-windows", "--json"], environment: environment)
      #expect(list.text == "{\"windows\":[]}\n")
      process.signal(SIGTERM)
      #expect(try process.exit() == .exited(0))
    }
  }
}
