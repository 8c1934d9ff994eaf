// What is typed for a program that is slow to take it, or takes none: it comes whole, and holds up nobody, whoever else
// looks on and whatever becomes of the terminal.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct TypingTests {
  @Test func pasteComesWholeHoweverSlowlyItIsTaken() throws {
    try withDaemon { daemon in
      let id = try daemon.create("sh", "-c", "stty raw -echo; echo ready; sleep 0.3; head -c 300000 | cksum; read x")
      #expect(try eventually { try daemon.text(of: id).contains("ready") })
      let screen = try Screen()
      let client = try daemon.attach(id, on: screen)
      let pasted = [UInt8]((0..<300_000).map { UInt8(ascii: "a") + UInt8($0 % 23) })
      try screen.type(pasted)
      let expected = try run(["sh", "-c", "awk 'BEGIN{for(i=0;i<300000;i++)printf \"%c\",97+i%23}' | cksum"]).text
      #expect(screen.shows(expected.split(separator: "\n")[0].description))
      try screen.type("\u{1C}")
      #expect(try client.exit() == .exited(0))
    }
  }

  @Test func whatIsTypedWhereNobodyHasTheTerminalIsDropped() throws {
    try withDaemon { daemon in
      let id = try daemon.create("sh", "-c", "exec sleep 1000 <&- >&- 2>&-")
      let child = try daemon.child(of: id)
      #expect(eventually { child.descriptors.isEmpty })
      let screen = try Screen()
      let client = try daemon.attach(id, on: screen)
      // More than is kept for a program, and than the terminal has room for, which throws away all but lines.
      try screen.type([UInt8](repeating: 13, count: 300_000))
      #expect(try daemon.list().map(\.id) == [id])
      try screen.type("\u{1C}")
      #expect(try client.exit() == .exited(0))
    }
  }

  @Test func whatWaitsToBeTypedHoldsUpNobodyWhenTheProgramIsKilled() throws {
    try withDaemon { daemon in
      for _ in 0..<10 {
        let id = try daemon.create("sh", "-c", "stty raw -echo; echo ready; exec sleep 1000")
        #expect(try eventually { try daemon.text(of: id).contains("ready") })
        let child = try daemon.child(of: id)
        let screen = try Screen()
        let client = try daemon.attach(id, on: screen)
        try screen.typeUntilFull()
        kill(child.id, SIGKILL)
        #expect(try daemon.wait(id).signal == SIGKILL)
        #expect(try client.exit() == .exited(0))
      }
    }
  }

  @Test func whoOnlyWatchesDoesNotDisturbWhoTypes() throws {
    try withDaemon { daemon in
      let id = try daemon.create("sh", "-c", "stty raw -echo; echo ready; exec sleep 1000")
      #expect(try eventually { try daemon.text(of: id).contains("ready") })
      let (screen, other) = (try Screen(), try Screen())
      let owner = try daemon.attach(id, on: screen)
      let watcher = try daemon.attach(id, on: other, "--read-only")
      try screen.typeUntilFull()
      try other.type("x")
      // Read by now, with whatever else had come.
      for _ in 0..<3 { #expect(try daemon.list().map(\.id) == [id]) }
      owner.signal(SIGTERM)
      #expect(try owner.exit() == .exited(128 + SIGTERM))
      try other.type("\u{1C}")
      #expect(try watcher.exit() == .exited(0))
    }
  }
}

extension Screen {
  /// Types until nothing more is taken for a while.
  fileprivate func typeUntilFull() throws {
    let bytes = [UInt8](repeating: 97, count: 1024)
    var (typed, silent) = (0, 0)
    while silent < 100 || typed < 100_000 {
      // A program may wait for room to show something.
      _ = self.bytes
      if let count = typeOnce(bytes) {
        (typed, silent) = (typed + count, 0)
      } else {
        guard silent < 60_000 else { throw TestFailure("only \(typed) bytes were taken") }
        silent += 1
        usleep(1000)
      }
    }
  }
}
