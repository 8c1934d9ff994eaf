// The one question of Alacritty's that has an answer, byte by byte: any other form makes its client fail.

internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct AlacrittyGetConfigTests {
  private static let defaults =
    #"\"hang-up-grace\":3,\"max-windows\":1000,\"scrollback\":262144,\"shell\":\"\","#
    + #"\"size\":\"80x24\",\"start-timeout\":30}"}"#

  @Test(arguments: ["null", "-1"], [Ending.newline, .endOfSending])
  func answersAllSettingsAsAString(_ window: String, _ ending: Ending) throws {
    try withDaemon { daemon throws in
      let question = #"{"GetConfig":{"window_id":\#(window)}}"#
      #expect(try daemon.send(question, ending) == #"{"GetConfig":"{"# + Self.defaults)
      let change = #"{"Config":{"options":["font.size=12"],"window_id":null,"reset":false}}"#
      #expect(try daemon.send(change, ending) == "")
      #expect(try daemon.send(question, ending) == #"{"GetConfig":"{\"font.size\":\"12\","# + Self.defaults)
    }
  }

  @Test func answersForOneWindow() throws {
    try withDaemon { daemon in
      let id = try daemon.create("cat", options: ["font.size=7"])
      let reply = try daemon.send(#"{"GetConfig":{"window_id":\#(id)}}"#, .newline)
      #expect(reply == #"{"GetConfig":"{\"font.size\":\"7\","# + Self.defaults)
    }
  }

  @Test func missingWindowMeansAll() throws {
    try withDaemon { daemon throws in
      #expect(try daemon.send(#"{"GetConfig":{}}"#, .newline) == #"{"GetConfig":"{"# + Self.defaults)
    }
  }

  @Test func aClientThatDoesNotEndItsSendingGetsTheEndOfFileToo() throws {
    try withDaemon { daemon in
      var client = try daemon.connect()
      try client.send(#"{"GetConfig":{"window_id":null}}"# + "\n")
      #expect(try client.rest() == #"{"GetConfig":"{"# + Self.defaults)
    }
  }
}
