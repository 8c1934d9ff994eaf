// The story's number: after ten thousand windows, of which most go wrong in one way or another, the daemon holds exactly
// the descriptors that it held before, no more memory, and no dead child.

internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct LeakTests {
  /// IPCKIT_LEAK_CYCLES makes it shorter or longer.
  static let cycles = Environment.inherited["IPCKIT_LEAK_CYCLES"].flatMap { Int($0) } ?? 10_000
  /// Before the first look at memory: the exit records, and what the allocator keeps, have their size then.
  static let warmUp = 3000

  @Test func descriptorsMemoryAndChildrenStayFlat() throws {
    try withDaemon { daemon in
      let before = try daemon.descriptorsAtRest()
      #expect(before.count >= 5)
      for number in 0..<Self.warmUp { try Cycle(number).run(against: daemon) }
      try settle(daemon)
      let memory = daemon.facts.residentKilobytes
      #expect(daemon.descriptors(settlingTo: before) == before)

      for number in 0..<Self.cycles { try Cycle(number).run(against: daemon) }
      try settle(daemon)
      #expect(daemon.descriptors(settlingTo: before) == before)
      let growth = daemon.facts.residentKilobytes - memory
      // AddressSanitizer keeps what was freed, to find who uses it still.
      if !Sanitizer.address.isOn { #expect(growth < 1024, "resident memory grew by \(growth) kB") }
      #expect(daemon.facts.children.isEmpty)
      #expect(try daemon.printed(by: "echo", "still here") == "still here\n")
    }
  }

  /// Waits until the windows of clients that did not wait have gone.
  private func settle(_ daemon: TestDaemon) throws {
    let isAtRest = try eventually {
      let status = try daemon.status()
      return status.windows == 0 && status.connections == 1
    }
    #expect(isAtRest)
    #expect(eventually { daemon.facts.children.isEmpty })
  }
}

/// One of the ten thousand.
private enum Cycle: Int, CaseIterable {
  case success, closed, failedSpawn, invalidJSON, invalidUTF8, empty, halfAMessage, closedBeforeReply, twoMessages
  case unknownType, failedDirectory, heldAndClosed
  case tooLong

  /// All kinds in turn, but for the costly one.
  init(_ number: Int) {
    let kinds = Self.allCases.dropLast()
    self = number % 1000 == 999 ? .tooLong : kinds[number % kinds.count]
  }

  private static let alacritty = """
    {"CreateWindow":{"terminal_options":{"working_directory":null,"hold":false,"command":["true"]},\
    "window_identity":{"title":null,"class":null}}}
    """

  func run(against daemon: TestDaemon) throws {
    var client = try daemon.connect()
    switch self {
    case .success:
      let id = try client.create("true")
      let ended = try client.ask(.wait(Int128(id)), for: Reply.Ended.self)
      #expect(ended.exit.status == 0)
    case .closed:
      let id = try client.create("sleep", "1000")
      _ = try client.ask(.closeWindow(Int128(id)), for: Reply.Done.self)
    case .heldAndClosed:
      let id = try client.create("true", hold: true)
      _ = try client.ask(.closeWindow(Int128(id)), for: Reply.Done.self)
    case .failedSpawn: try refused(&client, #"{"create-window":{"command":["/nonexistent/cmd"]}}"#, "spawn-failed")
    case .failedDirectory:
      let message = #"{"create-window":{"command":["true"],"working_directory":"/nonexistent"}}"#
      try refused(&client, message, "spawn-failed")
    case .invalidJSON: try refused(&client, #"{"create-window":"#, "invalid-message")
    case .unknownType: try refused(&client, #"{"open-door":{}}"#, "unknown-request")
    case .invalidUTF8:
      try client.send(Array(#"{"create-window":{"title":""#.utf8) + [0xFF, 0xC0] + Array("\"}}\n".utf8))
      #expect(try client.line()?.contains(#""code":"invalid-message""#) == true)
    case .empty: break
    case .halfAMessage: try client.send(#"{"create-window":{"command":["tr"#)
    case .closedBeforeReply: try client.send(Self.alacritty + "\n")
    case .twoMessages:
      try client.send("{\"create-window\":{\"command\":[\"true\"]}}\n{\"list-windows\":{}}\n")
      #expect(try client.line()?.hasPrefix(#"{"id":"#) == true)
      #expect(try client.line()?.hasPrefix(#"{"windows":["#) == true)
    case .tooLong:
      try client.send([UInt8](repeating: UInt8(ascii: "x"), count: WireFormat.messageLimit + 1000))
      #expect(try client.line()?.contains(#""code":"message-too-long""#) == true)
    }
  }

  private func refused(_ client: inout RawClient, _ message: String, _ code: String) throws {
    let reply = try client.ask(message)
    #expect(reply.contains("\"code\":\"\(code)\""))
  }
}

extension RawClient {
  /// Opens a window over this connection.
  fileprivate mutating func create(_ command: String..., hold: Bool = false) throws -> UInt64 {
    var window = WindowSpecification()
    window.command = command
    window.hold = hold
    return try ask(.createWindow(window), for: Reply.Created.self).id
  }
}
