// Children that do not end as they are asked to: they ignore the hang-up, are stopped, have closed their terminal or have
// left it to somebody else. Each goes, within the grace, with everything that its window had.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct WindowEndTests {
  @Test func oneThatIgnoresTheHangUpIsKilledAfterTheGrace() throws {
    try withDaemon(configuration: "hang-up-grace = 1") { daemon in
      let before = try daemon.descriptorsAtRest()
      let id = try daemon.create("sh", "-c", "trap '' HUP; echo ready; while :; do sleep 0.1; done")
      #expect(try eventually { try daemon.show(id).printed > 0 })
      let time = try duration { () throws in try daemon.close(id) }
      #expect(time >= .milliseconds(950), "it took \(time)")
      #expect(try daemon.wait(id).signal == SIGKILL)
      #expect(daemon.descriptors(settlingTo: before) == before)
    }
  }

  @Test func theGraceHoldsUpNobodyElse() throws {
    try withDaemon(configuration: "hang-up-grace = 60") { daemon in
      let id = try daemon.create("sh", "-c", "trap '' HUP; echo ready; while :; do sleep 0.1; done")
      #expect(try eventually { try daemon.show(id).printed > 0 })
      let closing = try daemon.connect()
      try closing.send("{\"close-window\":{\"id\":\(id)}}\n")
      let other = try daemon.create("sleep", "100")
      try daemon.close(other)
      // The grace goes on: whoever had waited for it would find neither.
      #expect(try daemon.list().map(\.id) == [id])
    }
  }

  @Test func oneThatEndsByItselfWithinTheGraceIsNotKilled() throws {
    try withDaemon(configuration: "hang-up-grace = 60") { daemon in
      let id = try daemon.create("sh", "-c", "trap 'exit 7' HUP; echo ready; while :; do sleep 0.05; done")
      #expect(try eventually { try daemon.show(id).printed > 0 })
      try daemon.close(id)
      #expect(try daemon.wait(id).status == 7)
    }
  }

  @Test func aStoppedOneIsClosed() throws {
    try withDaemon(configuration: "hang-up-grace = 60") { daemon in
      let id = try daemon.create("cat")
      let child = try daemon.child(of: id)
      kill(child.id, SIGSTOP)
      #expect(eventually { child.state == "T" })
      try daemon.close(id)
      #expect(try daemon.wait(id).signal == SIGHUP)
    }
  }

  @Test func oneThatHasClosedItsTerminalStaysAndCostsNothing() throws {
    try withDaemon { daemon in
      let before = try daemon.descriptorsAtRest()
      let id = try daemon.create("sh", "-c", "echo before; exec sleep 100 <&- >&- 2>&-")
      #expect(try eventually { try daemon.child(of: id).descriptors.isEmpty })
      let ticks = daemon.facts.ticks
      usleep(300_000)
      #expect(daemon.facts.ticks - ticks <= 5, "it spins on a terminal that nobody has open")
      #expect(try daemon.show(id).output.bytes == Array("before\r\n".utf8))
      try daemon.close(id)
      #expect(daemon.descriptors(settlingTo: before) == before)
    }
  }

  @Test func oneThatOpensItsTerminalAgainIsReadAgain() throws {
    try withDaemon { daemon in
      let script = "t=$(tty); exec <&- >&- 2>&-; sleep 0.3; echo again >$t; sleep 100"
      let id = try daemon.create("sh", "-c", script)
      #expect(try eventually { try daemon.show(id).output.bytes == Array("again\r\n".utf8) })
    }
  }

  @Test func aGrandchildThatKeepsTheTerminalKeepsNoWindow() throws {
    try withDaemon { daemon in
      let before = try daemon.descriptorsAtRest()
      let file = daemon.directory.file("grandchild")
      let id = try daemon.create("sh", "-c", "trap '' HUP; sleep 100 & echo $! >\(file); echo out; exit 4")
      #expect(try daemon.wait(id).status == 4)
      let grandchild = try #require(Int32((text(of: file) ?? "").split(separator: "\n").first ?? ""))
      defer { kill(grandchild, SIGKILL) }
      #expect(ProcessFacts(id: grandchild).isAlive)
      #expect(try daemon.list().isEmpty)
      #expect(daemon.descriptors(settlingTo: before) == before)
    }
  }

  @Test func whatWasPrintedLastIsNotLost() throws {
    try withDaemon { daemon in
      for _ in 0..<30 {
        let id = try daemon.create("sh", "-c", "head -c 3000 /dev/zero | tr '\\0' x; printf END", hold: true)
        let text = try daemon.output(of: id)
        #expect(text.count == 3003 && text.hasSuffix("xEND"))
      }
    }
  }

  @Test func closingTwiceAtOnceIsOneEnd() throws {
    try withDaemon(configuration: "hang-up-grace = 1") { daemon in
      let id = try daemon.create("sh", "-c", "trap '' HUP; echo ready; while :; do sleep 0.1; done")
      #expect(try eventually { try daemon.show(id).printed > 0 })
      var first = try daemon.connect()
      var second = try daemon.connect()
      let message = "{\"close-window\":{\"id\":\(id)}}\n"
      try first.send(message)
      try second.send(message)
      #expect(try first.line() == #"{"ok":true}"#)
      #expect(try second.line() == #"{"ok":true}"#)
    }
  }

  @Test func aHundredWindowsCloseTogether() throws {
    try withDaemon { daemon in
      let before = try daemon.descriptorsAtRest()
      var client = try daemon.connect()
      for _ in 0..<100 { _ = try client.ask(.createWindow(.init(command: "cat")), for: Reply.Created.self) }
      #expect(try daemon.list().count == 100)
      try client.send((1...100).map { "{\"close-window\":{\"id\":\($0)}}\n" }.joined())
      for _ in 0..<100 { #expect(try client.line() == #"{"ok":true}"#) }
      _ = consume client
      #expect(daemon.descriptors(settlingTo: before) == before)
      #expect(daemon.facts.children.isEmpty)
    }
  }
}
