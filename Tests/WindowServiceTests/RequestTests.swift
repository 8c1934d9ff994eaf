// windowctl's own requests on the raw socket: each reply as it stands on the wire, byte by byte where it can be known.

internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct RequestTests {
  @Test func everyRequestHasOneLineInReply() throws {
    try withDaemon { daemon in
      var client = try daemon.connect()
      let create = """
        {"create-window":{"command":["cat","-u"],"title":"a \\"title\\"","working_directory":"/tmp","hold":true,\
        "class":{"general":"g","instance":"i"},"environment":["A=b"],"options":["size=100x30"]}}
        """
      #expect(try client.ask(create) == #"{"id":1}"#)
      let window = try daemon.window(1)
      let (pid, opened) = (try #require(window.pid), try #require(window.opened))
      #expect(
        try client.ask(#"{"list-windows":{}}"#) == """
          {"windows":[{"class":{"general":"g","instance":"i"},"columns":100,"command":["cat","-u"],"hold":true,\
          "id":1,"opened":\(opened),"pid":\(pid),"rows":30,"title":"a \\"title\\"","working_directory":"/tmp"}]}
          """)
      #expect(try client.ask(#"{"resize-window":{"id":1,"columns":50,"rows":20}}"#) == #"{"ok":true}"#)
      #expect(try daemon.window(1).columns == 50)
      #expect(try client.ask(#"{"show":{"id":1}}"#) == #"{"id":1,"output":{"utf8":""},"printed":0}"#)
      #expect(try client.ask(#"{"config":{"options":["font.size=12"]}}"#) == #"{"ok":true}"#)
      #expect(
        try client.ask(#"{"get-config":{}}"#) == """
          {"config":{"font.size":"12","hang-up-grace":3,"max-windows":1000,"scrollback":262144,"shell":"",\
          "size":"80x24","start-timeout":30}}
          """)
      #expect(try client.ask(#"{"close-window":{"id":1}}"#) == #"{"ok":true}"#)
      #expect(try client.ask(#"{"wait":{"id":1}}"#) == #"{"exit":{"signal":1},"id":1}"#)
      #expect(try client.ask(#"{"list-windows":{}}"#) == #"{"windows":[]}"#)
      let status = try client.ask(.status(listing: false), for: Reply.Status.self)
      #expect(status.pid == daemon.process.id && status.windows == 0 && status.connections == 1)
      #expect(status.uptime > 0 && status.uptime < 60)
    }
  }

  @Test func statusCountsDescriptorsByKind() throws {
    try withDaemon { daemon in
      let idle = try daemon.status().descriptors
      #expect(idle["epoll"] == 1 && idle["eventfd"] == 1 && idle["signalfd"] == 1)
      // The listener, the children's pair and the connection that asks, once the daemon has seen the end of earlier ones.
      let sockets = { (kinds: [String: Int]) in kinds.filter { $0.key.hasSuffix("socket") }.values.reduce(0, +) }
      #expect(try eventually { sockets(try daemon.status().descriptors) == 4 })
      for _ in 0..<3 { _ = try daemon.create("cat") }
      let busy = try daemon.status().descriptors
      #expect(busy["terminal master", default: 0] == 3 && busy["pidfd", default: 0] == 3)
      let count = { (kinds: [String: Int]) in kinds.filter { !$0.key.hasSuffix("socket") }.values.reduce(0, +) }
      #expect(count(busy) == count(idle) + 6, "a window costs two descriptors")
    }
  }

  @Test func statusListsEachDescriptorWhenAskedTo() throws {
    try withDaemon { daemon in
      _ = try daemon.create("cat")
      let status = try daemon.ask(.status(listing: true), for: Reply.Status.self)
      let list = try #require(status.list)
      #expect(list.count == status.descriptors.values.reduce(0, +))
      #expect(
        list.contains { $0.kind == "unix stream socket" && $0.details == "listening at \(daemon.socket), 0 waiting" })
      let terminal = try #require(list.first { $0.kind == "terminal master" })
      #expect(terminal.details.hasPrefix("/dev/ptmx of /dev/pts/") && terminal.origin == nil)
      #expect(try daemon.status().list == nil)
      #expect(try daemon.ask(#"{"status":null}"#).contains("\"windows\":1"))
    }
  }

  @Test func originsAreListedWhereTheyAreRecorded() throws {
    try withDaemon(environment: ["IPCKIT_ORIGINS": "1"]) { daemon in
      _ = try daemon.create("cat")
      let list = try #require(try daemon.ask(.status(listing: true), for: Reply.Status.self).list)
      for kind in ["terminal master", "pidfd", "signalfd", "epoll"] {
        let origin = list.first { $0.kind == kind }?.origin
        #expect(origin?.hasPrefix("WindowService/") == true, "\(kind): \(origin ?? "unknown")")
      }
    }
  }

  @Test func outputThatIsNotTextComesInBase64() throws {
    try withDaemon { daemon in
      let id = try daemon.create("printf", #"\377\000x"#, hold: true)
      _ = try daemon.output(of: id)
      let reply = try daemon.ask(#"{"show":{"id":\#(id)}}"#)
      #expect(reply == #"{"id":1,"output":{"base64":"/wB4"},"printed":3}"#)
    }
  }

  @Test func waitAnswersAClientThatHasEndedItsSending() throws {
    try withDaemon { daemon in
      let id = try daemon.create("sh", "-c", "sleep 0.2; exit 7")
      var client = try daemon.connect()
      try client.send(#"{"wait":{"id":\#(id)}}"#)
      try client.finishSending()
      #expect(try client.rest() == "{\"exit\":{\"status\":7},\"id\":\(id)}\n")
    }
  }

  @Test func severalMayWaitForOneWindow() throws {
    try withDaemon { daemon in
      let id = try daemon.create("cat")
      var first = try daemon.connect()
      var second = try daemon.connect()
      let question = #"{"wait":{"id":\#(id)}}"# + "\n"
      try first.send(question)
      try second.send(question)
      do {
        let third = try daemon.connect()
        try third.send(question)
      }
      // The third has gone, and its wait with it.
      #expect(try eventually { try daemon.status().connections == 3 })
      try daemon.close(id)
      #expect(try first.line() == #"{"exit":{"signal":1},"id":1}"#)
      #expect(try second.line() == #"{"exit":{"signal":1},"id":1}"#)
    }
  }

  @Test func idsAreNeverUsedAgain() throws {
    try withDaemon { daemon in
      #expect(try daemon.create("cat") == 1)
      try daemon.close(1)
      #expect(try daemon.failure(of: .createWindow(.init(command: "/nonexistent"))) == .spawnFailed)
      let next = try daemon.create("cat")
      #expect(next > 1)
      #expect(try daemon.list().map(\.id) == [next])
    }
  }

  @Test func aWindowsOwnSettingsAreItsAlone() throws {
    try withDaemon { daemon in
      let (one, other) = (try daemon.create("cat"), try daemon.create("cat"))
      #expect(try daemon.ask(#"{"config":{"options":["size=90x40","a.b=c"],"window_id":\#(one)}}"#) == #"{"ok":true}"#)
      #expect(try daemon.window(one).columns == 90)
      #expect(try daemon.window(other).columns == 80)
      #expect(try daemon.settings(window: Int(one))["a.b"] == "c")
      #expect(try daemon.settings(window: Int(other))["a.b"] == nil)
      #expect(try daemon.ask(#"{"config":{"options":[],"window_id":\#(one),"reset":true}}"#) == #"{"ok":true}"#)
      #expect(try daemon.settings(window: Int(one))["a.b"] == nil)
      #expect(try daemon.window(one).columns == 80)
    }
  }
}
