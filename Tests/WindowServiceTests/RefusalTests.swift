// What is wrong gets one line that a program can match, is logged once, and changes nothing for anyone.

internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct RefusalTests {
  /// A message and the code that it is refused with.
  static let mistakes: [(String, FailureCode)] = [
    ("", .invalidMessage),
    ("garbage", .invalidMessage),
    ("null", .invalidMessage),
    ("[]", .invalidMessage),
    ("42", .invalidMessage),
    ("\"list-windows\"", .invalidMessage),
    ("{}", .invalidMessage),
    (#"{"list-windows":{}"#, .invalidMessage),
    (#"{"list-windows":{}} trailing"#, .invalidMessage),
    (#"{"list-windows":{},"status":{}}"#, .invalidMessage),
    (#"{"create-window":{"command":"true"}}"#, .invalidMessage),
    (#"{"create-window":{"command":[1]}}"#, .invalidMessage),
    (#"{"create-window":{"command":[null]}}"#, .invalidMessage),
    (#"{"create-window":{"class":"name"}}"#, .invalidMessage),
    (#"{"create-window":null}"#, .invalidMessage),
    (#"{"create-window":{"title":"\ud800"}}"#, .invalidMessage),
    (#"{"close-window":{}}"#, .invalidMessage),
    (#"{"close-window":{"id":"1"}}"#, .invalidMessage),
    (#"{"close-window":{"id":1.5}}"#, .invalidMessage),
    (#"{"close-window":{"id":999999999999999999999999999999999999999999}}"#, .invalidMessage),
    (#"{"resize-window":{"id":1,"columns":70000,"rows":1}}"#, .invalidMessage),
    (#"{"resize-window":{"id":1,"columns":-1,"rows":1}}"#, .invalidMessage),
    (#"{"open-door":{}}"#, .unknownRequest),
    (#"{"createWindow":{}}"#, .unknownRequest),
    (#"{"":{}}"#, .unknownRequest),
    (#"{"close-window":{"id":9}}"#, .noSuchWindow),
    (#"{"close-window":{"id":-1}}"#, .noSuchWindow),
    (#"{"close-window":{"id":170141183460469231731687303715884105727}}"#, .noSuchWindow),
    (#"{"show":{"id":9}}"#, .noSuchWindow),
    (#"{"wait":{"id":9}}"#, .noSuchWindow),
    (#"{"resize-window":{"id":9,"columns":1,"rows":1}}"#, .noSuchWindow),
    (#"{"get-config":{"window_id":9}}"#, .noSuchWindow),
    (#"{"config":{"options":[],"window_id":9}}"#, .noSuchWindow),
    (#"{"resize-window":{"id":1,"columns":0,"rows":10}}"#, .invalidValue),
    (#"{"config":{"options":["size=80"]}}"#, .invalidValue),
    (#"{"config":{"options":["size=0x24"]}}"#, .invalidValue),
    (#"{"config":{"options":["scrollback=12"]}}"#, .invalidValue),
    (#"{"config":{"options":["max-windows=many"]}}"#, .invalidValue),
    (#"{"config":{"options":["novalue"]}}"#, .invalidValue),
    (#"{"config":{"options":["=value"]}}"#, .invalidValue),
    (#"{"create-window":{"command":["true"],"environment":["novalue"]}}"#, .invalidValue),
    (#"{"create-window":{"command":["true"],"environment":["=value"]}}"#, .invalidValue),
    (#"{"create-window":{"command":["tr\u0000ue"]}}"#, .invalidValue),
    (#"{"create-window":{"command":["true"],"working_directory":"/tmp\u0000x"}}"#, .invalidValue),
    (#"{"create-window":{"command":["true"],"environment":["A=\u0000"]}}"#, .invalidValue),
    (#"{"create-window":{"command":["true"],"options":["size=80"]}}"#, .invalidValue),
    (#"{"create-window":{"command":["true"],"options":["a=\u0000"]}}"#, .invalidValue),
    (#"{"create-window":{"command":["true"],"title":"\u0000"}}"#, .invalidValue),
    (#"{"create-window":{"command":["true"],"class":{"general":"\u0000","instance":""}}}"#, .invalidValue),
    (#"{"config":{"options":["shell=\u0000"]}}"#, .invalidValue),
    (#"{"create-window":{"command":["/nonexistent/cmd"]}}"#, .spawnFailed),
    (#"{"create-window":{"command":["no-such-program"]}}"#, .spawnFailed),
    (#"{"create-window":{"command":[""]}}"#, .spawnFailed),
    (#"{"create-window":{"command":["/tmp"]}}"#, .spawnFailed),
    (#"{"create-window":{"command":["/etc/passwd"]}}"#, .spawnFailed),
    (#"{"create-window":{"command":["true"],"working_directory":"/nonexistent"}}"#, .spawnFailed),
    (#"{"create-window":{"command":["true"],"working_directory":"/etc/passwd"}}"#, .spawnFailed),
  ]

  @Test func everyMistakeHasItsCodeAndIsLoggedOnce() throws {
    try withDaemon { daemon in
      #expect(try daemon.create("cat") == 1)
      let before = try daemon.descriptorsAtRest()
      for (message, code) in Self.mistakes {
        let reply = try daemon.ask(message)
        let failure = try WireFormat.decode(Reply.Failure.self, from: Array(reply.utf8))
        #expect(failure.error.code == code, "\(message): \(reply)")
        #expect(!failure.error.message.isEmpty)
        let line = try #require(try daemon.process.nextLine())
        #expect(line.hasPrefix("windowd: refused a ") && line.hasSuffix(failure.error.message), "\(line)")
      }
      #expect(daemon.descriptors(settlingTo: before) == before)
      #expect(try daemon.list().map(\.id) == [1])
      #expect(try daemon.settings()["size"] == "80x24")
      _ = try daemon.stop()
      #expect(try daemon.process.nextLine() == "windowd: stopping")
    }
  }

  @Test func theReasonNamesTheStepAndTheObject() throws {
    try withDaemon { daemon throws in
      #expect(
        try daemon.ask(#"{"create-window":{"command":["/nonexistent/cmd"]}}"#)
          == #"{"error":{"code":"spawn-failed","message":"execute /nonexistent/cmd: No such file or directory"}}"#)
      #expect(
        try daemon.ask(#"{"create-window":{"command":["true"],"working_directory":"/nonexistent"}}"#)
          == #"{"error":{"code":"spawn-failed","message":"change directory to /nonexistent: No such file or directory"}}"#
      )
      #expect(try daemon.ask(#"{"close-window":{}}"#).contains("'close-window' lacks 'id'"))
      #expect(try daemon.ask(#"{"resize-window":{"id":1,"columns":70000,"rows":1}}"#).contains("\"message\":"))
    }
  }

  @Test func bytesThatAreNotUTF8AreRefused() throws {
    try withDaemon { daemon in
      for bytes in [[0xFF, 0xFE], Array(#"{"create-window":{"title":""#.utf8) + [0x80] + Array("\"}}".utf8), [0]] {
        var client = try daemon.connect()
        try client.send(bytes + [UInt8(ascii: "\n")])
        #expect(try client.line()?.hasPrefix(#"{"error":{"code":"invalid-message""#) == true)
      }
      #expect(try daemon.list().isEmpty)
    }
  }

  @Test(arguments: ["[", #"{"create-window":{"x":["#, #"{"a":"#, #"{"create-window":{"command":["#])
  func deepNestingIsRefused(_ part: String) throws {
    try withDaemon { daemon in
      let depth = (WireFormat.messageLimit - 100) / part.utf8.count
      let reply = try daemon.ask(String(repeating: part, count: depth))
      #expect(reply.contains(#""code":"invalid-message""#))
      let inside = #"{"create-window":{"command":["cat"],"x":"# + String(repeating: "[", count: 100_000)
      #expect(try daemon.ask(inside + String(repeating: "]", count: 100_000) + "}}").contains("invalid-message"))
    }
  }

  @Test func theLongestMessageIsServed() throws {
    try withDaemon { daemon throws in
      let message = #"{"create-window":{"command":["cat"]}}"#
      let padding = String(repeating: " ", count: WireFormat.messageLimit - message.utf8.count)
      #expect(try daemon.ask(message + padding) == #"{"id":1}"#)
      #expect(try daemon.ask(message + padding + " ").contains(#""code":"message-too-long""#))
      #expect(try daemon.list().count == 1)
    }
  }

  @Test(arguments: [1, 1000, 100_000, 900_000])
  func aLittleTooMuchReadsItsAnswer(_ excess: Int) throws {
    try withDaemon { daemon in
      var client = try daemon.connect()
      try client.send([UInt8](repeating: UInt8(ascii: "x"), count: WireFormat.messageLimit + excess))
      // To the end of the file, which an error of the connection would take the place of.
      let reply = try client.rest()
      #expect(reply.hasPrefix(#"{"error":{"code":"message-too-long","message":"#) && reply.hasSuffix("}}\n"))
      #expect(try daemon.process.line(containing: "refused").contains("frame too long"))
    }
  }

  @Test func aFloodEndsAndHarmsNobody() throws {
    try withDaemon { daemon in
      let before = try daemon.descriptorsAtRest()
      let memory = daemon.facts.residentKilobytes
      let client = try daemon.connect()
      let flood = [UInt8](repeating: UInt8(ascii: "x"), count: 64 << 20)
      #expect(throws: IPCError.self) { try client.send(flood) }
      #expect(try daemon.list().isEmpty)
      #expect(daemon.facts.residentKilobytes - memory < 8 << 10)
      _ = consume client
      #expect(daemon.descriptors(settlingTo: before) == before)
    }
  }
}
