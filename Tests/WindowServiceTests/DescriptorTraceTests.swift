// The kernel's own record of a daemon's life: every descriptor that a call gave it, and the one call that took it back.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

private let strace = "/usr/bin/strace"

@Suite(.leakFree) struct DescriptorTraceTests {
  /// The script that pairs, beside the tests.
  private static let pairing =
    "\(#filePath)".split(separator: "/").dropLast(2).map { "/" + $0 }.joined() + "/System/pair-descriptors"

  /// What the event loop and its children's pair have for as long as the process lives.
  private static let kept = ["epoll_create1", "eventfd2", "socketpair"]

  @Test(
    .enabled(if: Programs.has(strace), "strace IS MISSING: descriptors are not paired"),
    .disabled(if: Sanitizer.address.isOn || Sanitizer.thread.isOn, "a sanitizer opens files of its own"))
  func everyDescriptorIsBornCloseOnExecAndClosedOnce() throws {
    let directory = try TemporaryDirectory()
    let socket = directory.file("s")
    let trace = directory.file("trace")
    let tracer = try RunningProcess([
      strace, "-f", "-o", trace, "-e", "trace=desc,network,process", Programs.windowd, "--socket", socket,
    ])
    _ = try tracer.line(containing: "ready")
    let daemon = try #require(tracer.facts.children.first)

    var client = try RawClient(socket)
    #expect(try client.ask(#"{"create-window":{"command":["cat"]}}"#) == #"{"id":1}"#)
    #expect(try client.ask(#"{"create-window":{"command":["/nonexistent/cmd"]}}"#).contains("spawn-failed"))
    let missing = #"{"create-window":{"command":["true"],"working_directory":"/nonexistent"}}"#
    #expect(try client.ask(missing).contains("spawn-failed"))
    #expect(try client.ask(#"{"list-windows":{}}"#).contains(#""id":1"#))
    #expect(try client.ask(#"{"close-window":{"id":1}}"#) == #"{"ok":true}"#)
    #expect(try client.ask(#"{"create-window":{"command":["true"]}}"#).hasPrefix(#"{"id":"#))
    do {
      // Refused, half a message, gone before the reply, and one that stays until the end.
      var refused = try RawClient(socket)
      #expect(try refused.ask("garbage").contains("invalid-message"))
      let half = try RawClient(socket)
      try half.send(#"{"create-window":"#)
      let gone = try RawClient(socket)
      try gone.send(#"{"CreateWindow":{"terminal_options":{"command":["cat"]}}}"#)
    }
    #expect(try eventually { try client.ask(.status(listing: false), for: Reply.Status.self).connections == 1 })
    kill(daemon, SIGTERM)
    #expect(try tracer.exit() == .exited(0))

    let outcome = try run([Self.pairing, trace] + Self.kept)
    #expect(outcome.status == 0, "\(outcome.text)\(outcome.errors)")
    let count = try #require(outcome.text.split(separator: " ").first.flatMap { Int($0) })
    // Seven that it begins with, five connections, and a terminal, two pipe ends and a pidfd for each of five windows.
    #expect(count >= 7 + 5 + 5 * 4, "\(outcome.text)")
  }

  @Test(arguments: [
    // A trace, and what is wrong with it.
    ("1 openat(AT_FDCWD, \"/x\", O_RDONLY|O_CLOEXEC) = 3", "left open: 3"),
    ("1 openat(AT_FDCWD, \"/x\", O_RDONLY) = 3\n1 close(3) = 0", "not close-on-exec: 3"),
    (
      "1 socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0) = 3\n1 close(3) = 0\n1 close(3) = -1 EBADF (Bad file descriptor)",
      "closed twice"
    ),
    ("1 pipe2([3, 4], O_CLOEXEC) = 0\n1 close(3) = 0", "left open: 4"),
    ("1 accept4(3, NULL, NULL, SOCK_CLOEXEC) = 7", "left open: 7"),
    ("1 clone(child_stack=0x1, flags=CLONE_VM|CLONE_PIDFD|SIGCHLD, parent_tid=[5]) = 2", "left open: 5"),
    ("1 fcntl(0, F_DUPFD, 3) = 5\n1 close(5) = 0", "not close-on-exec: 5"),
    ("1 fcntl(0, F_DUPFD_CLOEXEC, 3) = 5", "left open: 5"),
    ("1 close(9) = 0", "closed without having been opened: 9"),
    ("1 eventfd2(0, EFD_CLOEXEC) = 3\n1 signalfd4(-1, [HUP], 8, SFD_CLOEXEC) = 4\n1 close(3) = 0", "left open: 4"),
    (
      "1 accept4(3, NULL, NULL, SOCK_CLOEXEC <unfinished ...>\n2 close(1) = 0\n1 <... accept4 resumed>) = 7",
      "left open: 7"
    ),
    (
      "1 recvmsg(3, {msg_control=[{cmsg_len=24, cmsg_type=SCM_RIGHTS, cmsg_data=[8, 9]}]}, MSG_CMSG_CLOEXEC) = 1\n"
        + "1 close(8) = 0", "left open: 9"
    ),
  ])
  func thePairingFindsWhatIsWrong(_ trace: String, _ problem: String) throws {
    let directory = try TemporaryDirectory()
    let outcome = try run([Self.pairing, try directory.write(trace + "\n", to: "trace")])
    #expect(outcome.status == 1)
    #expect(outcome.lines.contains { $0.hasPrefix(problem) }, "\(outcome.text)\(outcome.errors)")
  }

  @Test func thePairingAcceptsWhatIsRight() throws {
    let directory = try TemporaryDirectory()
    let trace = """
      1 openat(AT_FDCWD, "/x", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)
      1 epoll_create1(EPOLL_CLOEXEC) = 3
      1 pipe2([4, 5], O_CLOEXEC) = 0
      1 clone(child_stack=0x1, flags=CLONE_VM|CLONE_PIDFD|SIGCHLD, parent_tid=[6]) = 2
      2 openat(AT_FDCWD, "/a child's own", O_RDONLY) = 7
      1 close(5 <unfinished ...>
      2 close(9) = -1 EBADF (Bad file descriptor)
      1 <... close resumed>) = 0
      1 clone(child_stack=0x1, flags=CLONE_VM|CLONE_FILES|CLONE_THREAD) = 8
      1 close(4 <unfinished ...>
      8 openat(AT_FDCWD, "/x", O_RDONLY|O_CLOEXEC) = 4
      1 <... close resumed>) = 0
      8 close(4) = 0
      1 close(6) = 0

      """
    let outcome = try run([Self.pairing, try directory.write(trace, to: "trace"), "epoll_create1"])
    #expect(outcome.status == 0 && outcome.text == "5 descriptors, each born close-on-exec and closed once\n")
  }
}
