// A daemon that ends when nobody is there: only then, and without anybody noticing.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct IdleExitTests {
  @Test func endsOnlyWithoutWindowsAndClients() throws {
    let manager = try TestManager(arguments: ["--idle-exit", "0.05"])
    // It may have ended before anybody came.
    try manager.startOnDemand()
    var client = try manager.connect()
    let id = try client.ask(.createWindow(WindowSpecification(command: "cat")), for: Reply.Created.self).id
    let process = try manager.tell("process")
    // Long enough to end several times.
    usleep(300_000)
    #expect(try client.ask(.status(listing: false), for: Reply.Status.self).pid == Int32(process))
    _ = consume client
    usleep(300_000)
    #expect(try manager.list().map(\.id) == [id])
    #expect(try manager.tell("process") == process)
    try manager.close(id)
    #expect(try eventually { try manager.tell("state") == "0" })
  }

  @Test func whoComesAtThatMomentIsServedAndKeepsHisWindow() throws {
    let manager = try TestManager(arguments: ["--idle-exit", "0.05"])
    try manager.startOnDemand()
    for round in 0..<30 {
      try manager.startIfNeeded()
      // From before to after it.
      usleep(45_000 + UInt32(round) * 300)
      var client = try manager.connect()
      let answer = try client.ask(#"{"create-window":{"command":["cat"]}}"#)
      #expect(answer.hasPrefix("{\"id\":"), "\(answer)")
      _ = consume client
      // By then it would have ended.
      usleep(20_000)
      let windows = try manager.list()
      #expect(windows.count == 1, "round \(round): \(answer)")
      for window in windows { try manager.close(window.id) }
    }
  }

  @Test(arguments: ["0", "-1", "x", "1e10"]) func wrongTimesAreRefused(_ time: String) throws {
    #expect(try run([Programs.windowd, "--idle-exit", time]).status == 64)
  }
}
