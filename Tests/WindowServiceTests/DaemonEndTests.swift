// How windowd ends: in time, with status 0, whoever is connected and whatever its children do, leaving nothing behind but
// the lock file.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

private let strace = "/usr/bin/strace"

@Suite(.leakFree) struct DaemonEndTests {
  @Test(arguments: [SIGTERM, SIGINT])
  func endsWithEverythingThatIsOpen(_ signal: Int32) throws {
    let daemon = try TestDaemon(configuration: "hang-up-grace = 1")
    let ignoring = try daemon.create("sh", "-c", "trap '' HUP TERM; echo ready; while :; do sleep 0.1; done")
    #expect(try eventually { try daemon.show(ignoring).printed > 0 })
    for _ in 0..<5 { _ = try daemon.create("cat") }
    _ = try daemon.create("true", hold: true)
    #expect(eventually { daemon.facts.children.count == 6 })
    let children = daemon.facts.children.map(ProcessFacts.init)
    #expect(children.count == 6)
    let (idle, waiting) = (HeldClient(try daemon.connect()), HeldClient(try daemon.connect()))
    try waiting.client.send("{\"wait\":{\"id\":\(ignoring)}}\n")
    #expect(try eventually { try daemon.status().connections == 3 })

    daemon.process.signal(signal)
    // Status 1 would say that it had to be cut short.
    #expect(try daemon.process.exit() == .exited(0))
    #expect(!exists(daemon.socket), "the socket stayed")
    #expect(exists(daemon.socket + ".lock"), "the lock file went")
    #expect(eventually { children.allSatisfy { !$0.isAlive } })
    #expect(try daemon.process.line(containing: "stopping") == "windowd: stopping")
    // The clients stayed to the end.
    withExtendedLifetime((idle, waiting)) {}
  }

  @Test func endsWhileAClientIsSilent() throws {
    let daemon = try TestDaemon()
    let idle = try daemon.connect()
    #expect(try daemon.status().connections == 2)
    #expect(try daemon.stop() == .exited(0))
    _ = consume idle
  }

  @Test func endsWhileAClientDoesNotRead() throws {
    let daemon = try TestDaemon()
    let id = try daemon.create("head", "-c", "300000", "/dev/zero", hold: true)
    #expect(try eventually { try daemon.window(id).exit != nil })
    let deaf = try daemon.connect()
    try deaf.send(String(repeating: "{\"show\":{\"id\":\(id)}}\n", count: 50))
    #expect(try daemon.list().count == 1)
    let status = try daemon.stop()
    #expect(status == .exited(0))
    _ = consume deaf
  }

  @Test func takesNoNewWindowsWhileItEnds() throws {
    let daemon = try TestDaemon(configuration: "hang-up-grace = 60")
    let id = try daemon.create("sh", "-c", "trap '' HUP; echo ready; while :; do sleep 0.1; done")
    #expect(try eventually { try daemon.show(id).printed > 0 })
    let child = try daemon.child(of: id)
    daemon.process.signal(SIGTERM)
    _ = try daemon.process.line(containing: "stopping")
    #expect(eventually { !exists(daemon.socket) })
    #expect(daemon.facts.isAlive)
    #expect(throws: IPCError.self) { _ = try daemon.connect() }
    kill(pid_t(child.id), SIGKILL)
    #expect(try daemon.process.exit() == .exited(0))
  }

  /// Of what it needs to be detached, the second is not to be had.
  @Test(.enabled(if: Programs.has(strace), "strace IS MISSING: no call fails"))
  func oneThatCannotBeDetachedLeavesNoSocketAndPromisesNothing() throws {
    let directory = try TemporaryDirectory()
    let outcome = try run([
      strace, "-D", "-f", "-qq", "-o", "/dev/null", "-P", "/dev/null", "-e", "trace=openat", "-e",
      "inject=openat:error=EMFILE:when=2+", Programs.windowd, "--detached", "--socket", directory.file("s"),
    ])
    #expect(outcome.status == 1)
    #expect(outcome.text == "" && outcome.errors.contains("Too many open files"))
    #expect(names(in: directory.path) == ["s.lock"])
  }

  @Test(.enabled(if: Programs.has(strace), "strace IS MISSING: no call fails"))
  func oneThatCannotRemoveItsSocketSaysSo() throws {
    let directory = try TemporaryDirectory()
    let daemon = try RunningProcess([
      strace, "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=unlink", "-e", "inject=unlink:error=EROFS",
      Programs.windowd, "--socket", directory.file("s"),
    ])
    _ = try daemon.line(containing: "ready")
    daemon.signal(SIGTERM)
    #expect(try daemon.line(containing: "unlink").contains("Read-only file system"))
    #expect(try daemon.exit() == .exited(1))
  }

  @Test func removesOnlyTheSocketThatItMade() throws {
    let daemon = try TestDaemon()
    _ = try run(["/bin/mv", daemon.socket, daemon.socket + ".old"])
    _ = try daemon.directory.write("mine", to: "windowd.sock")
    let status = try daemon.stop()
    #expect(status == .exited(0))
    #expect(text(of: daemon.socket) == "mine")
  }
}
