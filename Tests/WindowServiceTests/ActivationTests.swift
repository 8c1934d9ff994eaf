// A socket that systemd made: windowd starts for the first client, answers it, and leaves the socket where it is.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

private let activator = "/usr/bin/systemd-socket-activate"

@Suite(.leakFree) struct ActivationTests {
  /// windowd behind a socket that another program listens on, and what a test does with it.
  private func withActivated(
    _ options: [String] = ["--fdname=control"], _ body: (RunningProcess, String) throws -> Void
  ) throws {
    let directory = try TemporaryDirectory()
    let socket = directory.file("activated.sock")
    let process = try RunningProcess(
      [activator, "-l", socket] + Sanitizer.variables.flatMap { ["-E", $0.name] } + options
        + [Programs.windowd, "--socket", socket])
    _ = try process.line(containing: "Listening on")
    try body(process, socket)
    process.signal(SIGTERM)
    #expect(try process.exit() == .exited(0))
    #expect(exists(socket), "the socket's path was removed")
    #expect(!exists(socket + ".lock"), "a lock was made for a socket that is not ours")
  }

  @Test(
    .enabled(if: Programs.has(activator), "systemd-socket-activate IS MISSING: activation is not tried"),
    arguments: [["--fdname=control"], []])
  func startsOnTheFirstConnectionAndAnswersIt(_ options: [String]) throws {
    try withActivated(options) { process, socket in
      #expect(link(at: "/proc/\(process.id)/exe")?.hasSuffix("systemd-socket-activate") == true)
      var client = try RawClient(socket)
      #expect(try client.ask(#"{"create-window":{"command":["cat"]}}"#) == #"{"id":1}"#)
      #expect(link(at: "/proc/\(process.id)/exe") == Programs.windowd)
      var other = try RawClient(socket)
      let window = try #require(try other.ask(.listWindows, for: Reply.Windows.self).windows.first)
      let child = ProcessFacts(id: try #require(window.pid))
      let environment = (text(of: "/proc/\(child.id)/environ") ?? "").split(separator: "\0")
      #expect(environment.contains("WINDOWD_SOCKET=\(socket)"))
      #expect(!environment.contains { $0.hasPrefix("LISTEN_") })
      // While a program begins, its loader has a library open.
      #expect(eventually { Set(child.descriptors.keys) == [0, 1, 2] })
    }
  }

  @Test(.enabled(if: Programs.has(activator), "systemd-socket-activate IS MISSING: activation is not tried"))
  func theInheritedSocketIsCloseOnExecAndItsOnlyDescriptor() throws {
    try withActivated { process, socket in
      var client = try RawClient(socket)
      _ = try client.ask(#"{"status":{}}"#)
      let sockets = process.facts.descriptors.filter { $0.value.hasPrefix("socket:") }
      // The listener, the children's pair and this client.
      #expect(sockets.count == 4)
      for number in sockets.keys {
        let information = text(of: "/proc/\(process.id)/fdinfo/\(number)") ?? ""
        let flags = information.split(separator: "\n").first { $0.hasPrefix("flags:") }?.split(separator: "\t").last
        // O_CLOEXEC and O_NONBLOCK.
        let value = try #require(flags.flatMap { Int($0, radix: 8) })
        #expect(value & 0o2000000 != 0 && value & 0o4000 != 0)
      }
    }
  }

  @Test func someoneElsesListenPIDIsIgnored() throws {
    let own = ["LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "control"]
    try withDaemon(environment: own) { daemon in
      // It has bound its own socket, or nobody would answer here.
      #expect(exists(daemon.socket + ".lock"))
      let id = try daemon.create("cat")
      let environment = text(of: "/proc/\(try daemon.child(of: id).id)/environ") ?? ""
      #expect(!environment.split(separator: "\0").contains { $0.hasPrefix("LISTEN_") })
    }
  }

  @Test func aDescriptorThatIsNoListenerIsAnError() throws {
    // $$ is the shell's number, which stays windowd's.
    let directory = try TemporaryDirectory()
    let outcome = try run(
      [Programs.windowd, "--socket", directory.file("s")],
      setup: "export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=control; exec 3</dev/null")
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("descriptor 3"))
    #expect(!exists(directory.file("s")))
  }
}
