// What Alacritty's clients write, as it was captured from them: each message in each way that a client may end it, and
// what it must do to the windows or the settings. The reply is the end of the file and nothing else.

internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

/// How a client of Alacritty's ends its message.
enum Ending: String, CaseIterable, Sendable {
  /// A newline, then the end of sending, then it reads the reply.
  case newline
  /// The end of sending alone.
  case endOfSending
  /// Everything closed at once, as 0.11 does: nobody is there to read a reply.
  case closed
}

/// A captured message.
struct CapturedMessage: Sendable, CustomTestStringConvertible {
  let name: String
  let text: String
  var testDescription: String { name }

  static let all: [CapturedMessage] = {
    let directory = "\(#filePath)".split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/Wire"
    return names(in: directory).sorted().map {
      CapturedMessage(name: $0, text: String(decoding: contents(of: directory + "/" + $0) ?? [], as: UTF8.self))
    }
  }()
  static let windows = all.filter { $0.text.hasPrefix(#"{"CreateWindow""#) }
  static let settings = all.filter { $0.text.hasPrefix(#"{"Config""#) }
}

extension TestDaemon {
  /// Sends a message in the given way; what came back, nil for a client that did not stay to read.
  func send(_ message: String, _ ending: Ending) throws -> String? {
    var client = try connect()
    try client.send(message + (ending == .newline ? "\n" : ""))
    if ending == .closed { return nil }
    try client.finishSending()
    return try client.rest()
  }

  /// The settings that hold.
  func settings(window: Int? = nil) throws -> [String: SettingText] {
    let reply = try ask(.getConfig(window: window.map { Int128($0) }), for: [String: [String: SettingText]].self)
    return reply["config"] ?? [:]
  }
}

/// A setting's value as text, be it written as text or as a number.
struct SettingText: Decodable, Hashable, ExpressibleByStringLiteral {
  let text: String
  init(stringLiteral: String) { text = stringLiteral }
  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    text = try (try? container.decode(Int.self)).map { "\($0)" } ?? container.decode(String.self)
  }
}

@Suite(.leakFree) struct AlacrittyMessageTests {
  /// What a captured message asks for, written down by hand; a shell that nobody types into stays.
  static let expected:
    [String: (command: [String], directory: String?, title: String, class: WindowClass?, hold: Bool)] = [
      "01-bare": (["/bin/cat"], nil, "/bin/cat", nil, false),
      "02-e-true": (["true"], nil, "true", nil, false),
      "03-e-args": (
        ["sh", "-c", "echo \"hi \\\"there\\\"\" ; printf \"a\\nb\\tc\\\\\"; sleep 1000"], nil, "sh", nil, false
      ),
      "04-cwd": (["/bin/cat"], "/tmp", "/bin/cat", nil, false),
      "05-cwd-rel": (["/bin/cat"], ".", "/bin/cat", nil, false),
      "06-title-T": (["/bin/cat"], nil, "My Title", nil, false),
      "07-title-t": (["/bin/cat"], nil, "Título ✓ 日本 😀", nil, false),
      "08-hold": (["/bin/cat"], nil, "/bin/cat", nil, true),
      "09-class": (["/bin/cat"], nil, "/bin/cat", WindowClass(general: "inst", instance: "gen"), false),
      "10-class1": (["/bin/cat"], nil, "/bin/cat", WindowClass(general: "only", instance: "only"), false),
      "11-all": (["bash", "-l"], "/usr", "t", WindowClass(general: "a", instance: "b"), true),
    ]

  @Test func allCapturedMessagesAreThere() {
    #expect(CapturedMessage.windows.count == 11)
    #expect(CapturedMessage.settings.count == 4)
    #expect(CapturedMessage.all.count == 15)
  }

  @Test(arguments: CapturedMessage.windows, Ending.allCases)
  func opensTheWindowAskedFor(_ message: CapturedMessage, _ ending: Ending) throws {
    let key = try #require(Self.expected.keys.first { message.name.contains($0 + ".") })
    let expected = try #require(Self.expected[key])
    // bash reads what it is started with from a home that has nothing of the machine's.
    try withDaemon(configuration: "shell = /bin/cat\nhang-up-grace = 1\n") { daemon in
      // What ends by itself after a second would be gone before all is looked at, on a slow day.
      let reply = try daemon.send(message.text.replacing("sleep 1\"", with: "sleep 1000\""), ending)
      #expect(reply == nil || reply == "")
      if key == "02-e-true" {
        // It ends at once, perhaps before anyone can look.
        var ended: ChildExit?
        let hasEnded = eventually {
          ended = try? daemon.wait(1)
          return ended != nil
        }
        #expect(hasEnded)
        return #expect(ended?.status == 0)
      }
      #expect(try eventually { try daemon.list().count == 1 })
      let window = try #require(try daemon.list().first)
      #expect(window.command == expected.command)
      #expect(window.workingDirectory == expected.directory)
      #expect(window.title == expected.title)
      #expect(window.windowClass == expected.class)
      #expect(window.hold == expected.hold)
      // Relative to the daemon's own, as in Alacritty; without one it is the home.
      let directory = expected.directory == "." ? daemon.facts.directory : expected.directory ?? "/"
      #expect(ProcessFacts(id: try #require(window.pid)).directory == directory)
      if key == "03-e-args" {
        #expect(try eventually { try daemon.show(1).output.bytes.contains(UInt8(ascii: "\\")) })
        #expect(try String(decoding: daemon.show(1).output.bytes, as: UTF8.self) == "hi \"there\"\r\na\r\nb\tc\\")
      }
      try daemon.close(window.id)
    }
  }

  @Test(arguments: CapturedMessage.settings, Ending.allCases)
  func keepsTheSettingsAndGivesThemBack(_ message: CapturedMessage, _ ending: Ending) throws {
    try withDaemon { daemon in
      let isReset = message.name.contains("15-")
      let window: Int? = message.name.contains("13-") ? 42 : nil
      if isReset { _ = try daemon.ask(.config(ConfigurationChange(options: ["font.size=9"])), for: Reply.Done.self) }
      // The message names window 42, so there has to be one.
      if window != nil {
        for _ in 1..<42 { _ = try daemon.create("true") }
        #expect(try daemon.create("cat") == 42)
      }
      let reply = try daemon.send(message.text, ending)
      #expect(reply == nil || reply == "")
      let size: SettingText? = isReset ? nil : "12"
      #expect(try eventually { try daemon.settings(window: window)["font.size"] == size })
      if message.name.contains("12-") { #expect(try daemon.settings()["cursor.style"] == "Beam") }
      if window != nil { #expect(try daemon.settings()["font.size"] == nil, "meant for one window, it holds for all") }
    }
  }

  @Test(
    arguments: [
      // Of 0.17: more fields, which mean nothing here, or options for this window alone.
      #"{"CreateWindow":{"terminal_options":{"working_directory":null,"hold":true,"command":["cat"]},"#
        + #""window_identity":{"title":"new","class":null},"activation_token":"token","option":["size=100x30"]}}"#,
      #"{"CreateWindow":{"terminal_options":{"working_directory":null,"hold":true,"command":["cat"]},"#
        + #""window_identity":{"title":"new","class":null},"activation_token":null,"option":["size=100x30"],"later":[1]}}"#,
      // What is missing has its default.
      #"{"CreateWindow":{"terminal_options":{"hold":true,"command":["cat"]},"window_identity":{"title":"new"},"#
        + #""option":["size=100x30"]}}"#,
    ], [Ending.newline, .endOfSending])
  func newerClientsMayWriteMore(_ message: String, _ ending: Ending) throws {
    try withDaemon { daemon in
      #expect(try daemon.send(message, ending) == "")
      let window = try daemon.window(1)
      #expect(window.command == ["cat"] && window.title == "new" && window.hold)
      #expect(window.columns == 100 && window.rows == 30)
    }
  }

  @Test func nearlyEmptyMessageOpensAShell() throws {
    try withDaemon(configuration: "shell = /bin/cat") { daemon throws in
      #expect(try daemon.send(#"{"CreateWindow":{}}"#, .newline) == "")
      #expect(try daemon.window(1).command == ["/bin/cat"])
    }
  }

  @Test(
    arguments: [
      #"{"CreateWindow":{"terminal_options":{"command":["/nonexistent/cmd"]}}}"#,
      #"{"CreateWindow":{"terminal_options":{"command":["true"],"working_directory":"/nonexistent"}}}"#,
      #"{"CreateWindow":{"terminal_options":{"command":["true"]},"option":["size=wide"]}}"#,
      #"{"Config":{"options":["size=wide"],"window_id":null,"reset":false}}"#,
      #"{"Config":{"options":["font.size=1"],"window_id":170141183460469231731687303715884105727,"reset":false}}"#,
      #"{"Config":{"options":["font.size=1"],"window_id":7,"reset":false}}"#,
      #"{"GetConfig":{"window_id":7}}"#,
      // Of the right name, but of a form that this version does not know.
      #"{"CreateWindow":{"terminal_options":{"command":"true"}}}"#,
      #"{"Config":{"options":["font.size=1"],"window_id":340282366920938463463374607431768211455,"reset":false}}"#,
      #"{"GetConfig":"all"}"#,
    ], [Ending.newline, .endOfSending])
  func refusalIsTheEndOfFileAlone(_ message: String, _ ending: Ending) throws {
    try withDaemon { daemon throws in
      #expect(try daemon.send(message, ending) == "")
      #expect(try daemon.list().isEmpty)
      #expect(try daemon.settings()["font.size"] == nil)
      #expect(try daemon.process.line(containing: "refused").hasPrefix("windowd: "))
    }
  }
}
