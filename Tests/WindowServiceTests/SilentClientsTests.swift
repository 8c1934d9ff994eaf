// Windows of a daemon that has a crowd of clients who say nothing. Their programs are started without a copy of what the
// crowd costs: they are like others, and whatever goes wrong on that way is told and leaves nothing. strace makes the
// kernel refuse.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

private let strace = "/usr/bin/strace"

@Suite(.leakFree) struct SilentClientsTests {
  /// Enough for the daemon to prefer that way.
  private static let crowd = 200

  private func crowd(at socket: String) throws -> [HeldClient] {
    var clients: [HeldClient] = []
    for _ in 0..<Self.crowd { clients.append(HeldClient(try RawClient(socket))) }
    // Accepted in order: who is answered comes after them all.
    var last = try RawClient(socket)
    #expect(try last.ask(.status(listing: false), for: Reply.Status.self).connections == Self.crowd + 1)
    return clients
  }

  @Test func windowsAreLikeOthersAndNothingIsLeft() throws {
    try withDaemon { daemon in
      let clients = try crowd(at: daemon.socket)
      var client = try daemon.connect()
      #expect(
        try eventually {
          try client.ask(.status(listing: false), for: Reply.Status.self).connections == clients.count + 1
        })
      let before = daemon.facts.descriptors
      for cycle in 0..<500 {
        let program = cycle % 3 == 0 ? "/nonexistent/cmd" : "true"
        let directory = cycle % 3 == 1 ? "/nonexistent" : "/"
        let message =
          "{\"create-window\":{\"command\":[\"\(program)\"],\"working_directory\":\"\(directory)\"}}"
        let reply = try client.ask(message)
        #expect(reply.contains(cycle % 3 == 2 ? "{\"id\":" : "spawn-failed"))
      }
      #expect(daemon.descriptors(settlingTo: before) == before)
      let said = try daemon.printed(by: "ls", "/proc/self/fd")
      // The fourth is the directory that ls reads.
      #expect(said.split(whereSeparator: \.isWhitespace) == ["0", "1", "2", "3"])
      withExtendedLifetime(clients) {}
    }
  }

  /// Runs a daemon with its crowd while strace does to the first of some call in every process what `injected` says.
  private func withInjected(_ injected: [String], _ body: (RunningProcess, inout RawClient) throws -> Void) throws {
    let directory = try TemporaryDirectory()
    let socket = directory.file("windowd.sock")
    // -D: strace is the grandchild, and the process that was started is windowd itself.
    let process = try RunningProcess(
      [strace, "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=close_range,unshare"]
        + injected.flatMap { ["-e", "inject=\($0):when=1"] } + [Programs.windowd, "--socket", socket])
    _ = try process.line(containing: "ready")
    let clients = try crowd(at: socket)
    var client = try RawClient(socket)
    #expect(
      try eventually {
        try client.ask(.status(listing: false), for: Reply.Status.self).connections == clients.count + 1
      })
    let before = process.facts.descriptors
    try body(process, &client)
    #expect(eventually { process.facts.descriptors == before && process.facts.children.isEmpty })
    withExtendedLifetime(clients) {}
    process.signal(SIGTERM)
    #expect(try process.exit() == .exited(0))
  }

  @Test(.enabled(if: Programs.has(strace), "strace IS MISSING: refusals are not tried"))
  func refusedFlagCostsACopyAndNoMore() throws {
    try withInjected(["close_range:error=EINVAL"]) { _, client in
      for id in 1...3 {
        let replies = try [
          client.ask(#"{"create-window":{"command":["true"]}}"#), client.ask("{\"wait\":{\"id\":\(id)}}"),
        ]
        #expect(replies == ["{\"id\":\(id)}", "{\"exit\":{\"status\":0},\"id\":\(id)}"])
      }
    }
  }

  @Test(.enabled(if: Programs.has(strace), "strace IS MISSING: refusals are not tried"))
  func tableThatCannotBeHadIsTold() throws {
    try withInjected(["close_range:error=ENOMEM", "unshare:error=ENOMEM"]) { _, client in
      for _ in 0..<3 {
        let reply = try client.ask(#"{"create-window":{"command":["true"]}}"#)
        #expect(reply.contains("place descriptors: Cannot allocate memory"))
      }
    }
  }

  @Test(.enabled(if: Programs.has(strace), "strace IS MISSING: refusals are not tried"))
  func childThatIsKilledBeforeItHasATableIsGoneSoon() throws {
    // Held up for longer than it lives, so that the daemon waits already when it dies.
    try withInjected(["close_range:delay_enter=6000000"]) { process, client in
      let taken = try duration {
        try client.send("{\"create-window\":{\"command\":[\"true\"]}}\n")
        #expect(eventually { !process.facts.children.isEmpty })
        for child in process.facts.children { kill(child, SIGKILL) }
        let opened = try client.line()
        let ended = try client.ask(#"{"wait":{"id":1}}"#)
        #expect(opened == #"{"id":1}"# && ended == #"{"exit":{"signal":9},"id":1}"#)
      }
      // Not for as long as a start may take, which is half a minute.
      #expect(taken < .seconds(20))
    }
  }
}
