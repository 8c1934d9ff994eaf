// Who talks to whom: a client says nothing to a daemon of a stranger's, and finds its own directory in /tmp only if it is
// its own. Being somebody else takes root, so these run as root or not at all.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree, .enabled(if: geteuid() == 0, "NOT ROOT: nothing is tried as another user"))
struct ControlAuthorityTests {
  /// Run as a user that has no account, and that no other test is.
  private static let stranger = ["/usr/bin/setpriv", "--reuid=60321", "--clear-groups"]
  private static let strangersDirectory = "/tmp/windowd-60321"

  /// A listener of a stranger's, and the file that everything it hears is written to, once its client has gone.
  private func withStrangersListener(_ body: (String, () throws -> String) throws -> Void) throws {
    let directory = try TemporaryDirectory()
    _ = try run(["/bin/chown", "60321", directory.path])
    let socket = directory.file("s")
    let (heard, done) = (directory.file("heard"), directory.file("done"))
    let listener = try RunningProcess(
      Self.stranger + [
        "/usr/bin/systemd-socket-activate", "-l", socket, "--accept", "--inetd", "/bin/sh", "-c",
        "cat >'\(heard)'; : >'\(done)'",
      ])
    _ = try listener.line(containing: "Listening on")
    try body(socket) {
      guard eventually({ exists(done) }) else { throw TestFailure("the listener's client does not go") }
      return text(of: heard) ?? "(nothing was written)"
    }
  }

  private static let hasActivator = Programs.has("/usr/bin/systemd-socket-activate")

  @Test(.enabled(if: hasActivator, "systemd-socket-activate IS MISSING: no stranger listens"))
  func aStrangersListenerHearsNothing() throws {
    try withStrangersListener { socket, heard in
      let outcome = try run([Programs.windowctl, "create-window", "--socket", socket, "-e", "secret"])
      #expect(outcome.status == 1 && outcome.text == "")
      #expect(outcome.errors.contains("user 60321") && outcome.errors.contains("--server-uid 60321"))
      #expect(try heard() == "")
    }
  }

  @Test(.enabled(if: hasActivator, "systemd-socket-activate IS MISSING: no stranger listens"))
  func trustingAnotherStrangerIsNotEnough() throws {
    try withStrangersListener { socket, heard in
      let outcome = try run([Programs.windowctl, "list-windows", "--socket", socket, "--server-uid", "60322"])
      #expect(outcome.status == 1)
      #expect(try heard() == "")
    }
  }

  @Test(.enabled(if: hasActivator, "systemd-socket-activate IS MISSING: no stranger listens"))
  func aStrangerThatIsTrustedIsAsked() throws {
    try withStrangersListener { socket, heard in
      _ = try run(
        [Programs.windowctl, "list-windows", "--socket", socket, "--server-uid", "60321", "--timeout", "0.3"])
      #expect(try heard() == "{\"list-windows\":{}}\n")
    }
  }

  @Test func anotherUsersDaemonIsUsedOnlyWhenItIsTrusted() throws {
    let directory = try TemporaryDirectory()
    _ = try run(["/bin/chown", "60321", directory.path])
    let socket = directory.file("s")
    let daemon = try RunningProcess(Self.stranger + [Programs.windowd, "--socket", socket])
    _ = try daemon.line(containing: "ready")
    #expect(try run([Programs.windowctl, "list-windows", "--socket", socket]).status == 1)
    // The daemon serves root.
    let trusting = try run([Programs.windowctl, "list-windows", "--socket", socket, "--server-uid", "60321"])
    #expect(trusting.status == 0, "\(trusting.errors)")
    #expect(try run(Self.stranger + [Programs.windowctl, "list-windows", "--socket", socket]).status == 0)
    daemon.signal(SIGTERM)
    #expect(try daemon.exit() == .exited(0))
  }

  @Test func anotherUserIsTurnedAway() throws {
    // The directory and the socket are opened up on purpose: only the daemon's own look at its peers is left.
    try withDaemon { daemon in
      _ = try run(["/bin/chmod", "755", daemon.directory.path])
      _ = try run(["/bin/chmod", "666", daemon.socket])
      let outcome = try run(Self.stranger + [Programs.windowctl, "list-windows", "--socket", daemon.socket])
      #expect(outcome.status == 1 && outcome.text == "", "\(outcome.errors)")
      #expect(try daemon.process.line(containing: "refused").hasPrefix("windowd: refused user 60321, process "))
      #expect(try daemon.list().isEmpty)
    }
  }

  // One test, because all of it is about one path.
  @Test func theDirectoryInTmpMustBeTheUsersOwn() throws {
    let path = Self.strangersDirectory
    _ = try run(["/bin/rm", "-rf", path])
    defer { _ = try? run(["/bin/rm", "-rf", path]) }
    let list = { try run(Self.stranger + [Programs.windowctl, "list-windows"]) }

    // Made on demand, closed to others.
    #expect(try list().status == 3)
    #expect(try run(["/usr/bin/stat", "-c", "%a %u %F", path]).text == "700 60321 directory\n")
    #expect(try list().status == 3)
    // A daemon and its client meet there.
    let daemon = try RunningProcess(Self.stranger + [Programs.windowd])
    _ = try daemon.line(containing: "ready")
    #expect(try list().status == 0)
    daemon.signal(SIGTERM)
    #expect(try daemon.exit() == .exited(0))

    let spoiled = [
      ("chmod 755 \(path)", "open to others"), ("chmod 710 \(path)", "open to the group"),
      ("rm -rf \(path); mkdir -m 700 \(path)", "of root's"),
      ("rm -rf \(path); mkdir -m 700 \(path).real; chown 60321 \(path).real; ln -s \(path).real \(path)", "a link"),
      ("rm -rf \(path) \(path).real; : >\(path); chown 60321 \(path)", "a file"),
    ]
    for (command, what) in spoiled {
      _ = try run(["/bin/sh", "-c", command])
      let outcome = try list()
      #expect(outcome.status == 1, "\(what): \(outcome.errors)")
      #expect(outcome.errors.contains(path), "\(what): \(outcome.errors)")
      let daemon = try run(Self.stranger + [Programs.windowd])
      #expect(daemon.status == 1 && daemon.errors.contains(path), "\(what): \(daemon.errors)")
    }
  }
}
