// A window from its opening to its record: what it is called, how large it is, what it printed, and how it ended.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct WindowTests {
  @Test func sizeIsTheConfigurationsUntilItIsResized() throws {
    try withDaemon { daemon in
      #expect(try daemon.printed(by: "stty", "size") == "24 80\n")
      #expect(try daemon.printed(by: "stty", "size", options: ["size=132x43"]) == "43 132\n")
      // It says so when it is ready, and again for each change of the size.
      let script = "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done"
      let id = try daemon.create("sh", "-c", script)
      let printed = { String(decoding: try daemon.show(id).output.bytes, as: UTF8.self) }
      #expect(try eventually { try printed() == "ready\r\n" })
      #expect(try daemon.ask(#"{"resize-window":{"id":\#(id),"columns":100,"rows":30}}"#) == #"{"ok":true}"#)
      #expect(try eventually { try printed() == "ready\r\n30 100\r\n" })
      #expect(try daemon.window(id).columns == 100 && daemon.window(id).rows == 30)
    }
  }

  @Test func keepsTheLastOfALotAndNeverHoldsTheChildUp() throws {
    try withDaemon { daemon in
      let id = try daemon.create("sh", "-c", "head -c 10000000 /dev/zero | tr '\\0' x; printf END", hold: true)
      #expect(try eventually { try daemon.window(id).exit?.status == 0 })
      let shown = try daemon.show(id)
      #expect(shown.printed == 10_000_003)
      #expect(shown.output.bytes.count == 256 << 10)
      #expect(shown.output.bytes == [UInt8](repeating: UInt8(ascii: "x"), count: (256 << 10) - 3) + Array("END".utf8))
    }
  }

  @Test func scrollbackIsConfigurableForAllAndForOne() throws {
    try withDaemon(configuration: "scrollback = 8192") { daemon in
      let lengths = try [[], ["scrollback=4096"]].map { options in
        let id = try daemon.create("head", "-c", "100000", "/dev/zero", hold: true, options: options)
        #expect(try eventually { try daemon.window(id).exit != nil })
        return try daemon.show(id).output.bytes.count
      }
      #expect(lengths == [8192, 4096])
    }
  }

  @Test func scrollbackCanBeChangedWhileThereIsOutput() throws {
    try withDaemon { daemon in
      let script = "head -c 10000 /dev/zero | tr '\\0' x; printf 12345"
      let ids = try (0..<2).map { _ in try daemon.create("sh", "-c", script, hold: true) }
      for id in ids { #expect(try eventually { try daemon.window(id).exit != nil }) }
      let kept = { try ids.map { try daemon.show($0).output.bytes.count } }
      #expect(try kept() == [10_005, 10_005])
      _ = try daemon.ask(#"{"config":{"options":["scrollback=4096"],"window_id":\#(ids[0])}}"#)
      #expect(try kept() == [4096, 10_005])
      #expect(String(decoding: try daemon.show(ids[0]).output.bytes.suffix(7), as: UTF8.self) == "xx12345")
      _ = try daemon.ask(#"{"config":{"options":["scrollback=8192"]}}"#)
      #expect(try kept() == [4096, 8192])
    }
  }

  @Test func aHeldWindowStaysUntilItIsClosed() throws {
    try withDaemon { daemon in
      let before = try daemon.descriptorsAtRest()
      let id = try daemon.create("sh", "-c", "echo last words; exit 3", hold: true)
      #expect(try daemon.output(of: id) == "last words\n")
      let window = try daemon.window(id)
      #expect(window.pid == nil && window.exit?.status == 3 && window.hold)
      // It holds its output, but no descriptor.
      #expect(daemon.descriptors(settlingTo: before) == before)
      try daemon.close(id)
      #expect(try daemon.list().isEmpty)
      #expect(try daemon.wait(id).status == 3)
    }
  }

  @Test func withoutHoldItGoesWithItsChild() throws {
    try withDaemon { daemon in
      let id = try daemon.create("sh", "-c", "exit 5")
      #expect(try daemon.wait(id).status == 5)
      #expect(try daemon.list().isEmpty)
      #expect(try daemon.failure(of: .show(Int128(id))) == .noSuchWindow)
    }
  }

  @Test func aSignalIsToldAsOne() throws {
    try withDaemon { daemon in
      let id = try daemon.create("sh", "-c", "kill -9 $$")
      #expect(try daemon.wait(id).signal == SIGKILL)
    }
  }

  @Test func titleIsTheProgramsNameWhenNoneIsGiven() throws {
    try withDaemon { daemon in
      #expect(try daemon.window(try daemon.create("cat", "-u")).title == "cat")
      var window = WindowSpecification(command: "cat")
      window.title = ""
      window.windowClass = WindowClass(general: "a,b", instance: "")
      let id = try daemon.ask(.createWindow(window), for: Reply.Created.self).id
      #expect(try daemon.window(id).title == "")
      #expect(try daemon.window(id).windowClass == WindowClass(general: "a,b", instance: ""))
      #expect(try daemon.list().map(\.id) == [1, 2])
    }
  }

  @Test func theLastThousandEndsAreRemembered() throws {
    try withDaemon { daemon in
      var client = try daemon.connect()
      for id: UInt64 in 1...1001 {
        #expect(try client.ask(.createWindow(.init(command: "true")), for: Reply.Created.self).id == id)
        _ = try client.ask(.wait(Int128(id)), for: Reply.Ended.self)
      }
      #expect(try daemon.failure(of: .wait(1)) == .noSuchWindow)
      #expect(try daemon.wait(2).status == 0)
      #expect(try daemon.wait(1001).status == 0)
    }
  }

  @Test func thereIsAMostOfWindows() throws {
    try withDaemon(configuration: "max-windows = 2") { daemon in
      _ = try daemon.create("cat")
      let second = try daemon.create("cat")
      #expect(try daemon.failure(of: .createWindow(.init(command: "cat"))) == .tooManyWindows)
      try daemon.close(second)
      #expect(try daemon.create("cat") > 0)
    }
  }

  @Test func thereIsAMostOfThemHoweverManyAreOpenedAtOnce() throws {
    try withDaemon(configuration: "max-windows = 2") { daemon in
      for _ in 0..<64 {
        let client = try daemon.connect()
        try client.send(#"{"create-window":{"command":["cat"]}}"# + "\n")
      }
      // All have been answered, though nobody has stayed for it.
      #expect(try eventually { try daemon.ask(#"{"status":{}}"#).contains(#""connections":1,"#) })
      #expect(try daemon.list().count == 2)
    }
  }
}
