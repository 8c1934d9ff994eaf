// Connections as clients really use them: many messages, in pieces, mixed, left half way, or never read.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct ConversationTests {
  private static let alacritty = #"{"CreateWindow":{"terminal_options":{"command":["cat"]}}}"#

  @Test func twoMessagesAreServedInOrder() throws {
    try withDaemon { daemon in
      var client = try daemon.connect()
      try client.send("{\"create-window\":{\"command\":[\"cat\"]}}\n{\"show\":{\"id\":1}}")
      try client.finishSending()
      #expect(try client.rest() == "{\"id\":1}\n{\"id\":1,\"output\":{\"utf8\":\"\"},\"printed\":0}\n")
    }
  }

  @Test func alacrittysMessagesAndOursMayBeMixed() throws {
    try withDaemon { daemon in
      var client = try daemon.connect()
      try client.send(Self.alacritty + "\n{\"create-window\":{\"command\":[\"cat\"]}}\n" + Self.alacritty + "\n")
      try client.send("{\"create-window\":{\"command\":[\"cat\"]}}\n")
      // Those of Alacritty's are served in their place, and say nothing.
      #expect(try client.line() == #"{"id":2}"#)
      #expect(try client.line() == #"{"id":4}"#)
      try client.finishSending()
      #expect(try client.rest() == "")
      #expect(try daemon.list().count == 4)
    }
  }

  @Test func goodOnesAfterBadOnesAreServed() throws {
    try withDaemon { daemon in
      var client = try daemon.connect()
      try client.send("garbage\n{\"status\":{}}\n{\"open-door\":{}}\n\n{\"list-windows\":{}}")
      try client.finishSending()
      let lines = try client.rest().split(separator: "\n")
      try #require(lines.count == 5)
      #expect(lines[0].contains("invalid-message") && lines[1].contains("uptime"))
      #expect(lines[2].contains("unknown-request") && lines[3].contains("invalid-message"))
      #expect(lines[4] == #"{"windows":[]}"#)
    }
  }

  @Test func aRefusalEndsWithTheEndOfTheFile() throws {
    try withDaemon { daemon in
      var client = try daemon.connect()
      try client.send("garbage\n")
      // The client keeps its own side open and gets the end all the same.
      let reply = try client.rest()
      #expect(reply.contains("invalid-message") && reply.hasSuffix("\n"))
    }
  }

  @Test func aHundredPipelinedRequestsAreAnsweredInOrder() throws {
    try withDaemon { daemon in
      var client = try daemon.connect()
      try client.send(String(repeating: "{\"create-window\":{\"command\":[\"true\"]}}\n", count: 100))
      for id in 1...100 { #expect(try client.line() == "{\"id\":\(id)}") }
      #expect(try eventually { try daemon.list().isEmpty })
    }
  }

  @Test func oneByteAtATime() throws {
    try withDaemon { daemon in
      var client = try daemon.connect()
      for byte in Array("{\"create-window\":{\"command\":[\"cat\"]}}\n{\"list-windows\":{}}\n".utf8) {
        try client.send([byte])
      }
      #expect(try client.line() == #"{"id":1}"#)
      #expect(try client.line()?.hasPrefix(#"{"windows":[{"#) == true)
    }
  }

  @Test func spacesAndCarriageReturnsAreJSON() throws {
    try withDaemon { daemon throws in
      #expect(try daemon.ask(" {\t\"list-windows\" : { } }\r") == #"{"windows":[]}"#)
    }
  }

  @Test func silentClientsBlockNobody() throws {
    try withDaemon { daemon in
      let before = try daemon.descriptorsAtRest()
      // A hundred that say nothing, a hundred that stop in the middle.
      var silent: [HeldClient] = []
      for number in 0..<200 {
        let client = HeldClient(try daemon.connect())
        if number % 2 == 1 { try client.client.send(#"{"list-win"#) }
        silent.append(client)
      }
      _ = try daemon.create("true")
      #expect(try daemon.status().connections == 201)
      silent = []
      #expect(daemon.descriptors(settlingTo: before) == before)
    }
  }

  @Test func aClientThatNeverReadsBlocksNobody() throws {
    try withDaemon { daemon throws in
      let before = try daemon.descriptorsAtRest()
      let id = try daemon.create("head", "-c", "300000", "/dev/zero", hold: true)
      #expect(try eventually { try daemon.window(id).exit != nil })
      let deaf = try daemon.connect()
      // Far more in reply than a socket holds.
      try deaf.send(String(repeating: "{\"show\":{\"id\":\(id)}}\n", count: 200))
      for _ in 0..<20 { _ = try daemon.list() }
      let ticks = daemon.facts.ticks
      usleep(300_000)
      #expect(daemon.facts.ticks - ticks <= 10, "it spins while nobody reads")
      _ = consume deaf
      try daemon.close(id)
      #expect(daemon.descriptors(settlingTo: before) == before)
    }
  }
}
