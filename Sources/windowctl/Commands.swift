// The commands: what each asks, and how its answer reads. Each says its own name: finding it out from the type, as the
// parser does otherwise, doubles the time that a person waits.

internal import ArgumentParser
internal import Glibc
internal import IPCKit
internal import TerminalText
internal import WindowProtocol

/// A command that sends one request.
protocol ClientCommand: ParsableCommand {
  associatedtype Answer: Decodable
  var options: ClientOptions { get }
  /// Seconds, unless --timeout says otherwise; nil for ever.
  var standardTimeout: Double? { get }
  func request() throws(ClientFailure) -> Request
  func connection(of client: Client) throws(ClientFailure) -> BufferedReader
  func show(_ answer: Answer) throws(ClientFailure)
  func exitCode(for answer: Answer) -> Int32
  func exitCode(for failure: ClientFailure) -> Int32
}

extension ClientCommand {
  var standardTimeout: Double? { 5 }
  func connection(of client: Client) throws(ClientFailure) -> BufferedReader { try client.connect() }
  func exitCode(for answer: Answer) -> Int32 { 0 }
  func exitCode(for failure: ClientFailure) -> Int32 { failure.exitCode }

  func run() throws {
    try Output.exiting(options, failingWith: exitCode) { () throws(ClientFailure) in
      let client = try Client(options, deadline: options.deadline(unlessGiven: standardTimeout))
      let request = try request()
      var connection = try connection(of: client)
      return exitCode(for: try perform(request, client, &connection))
    }
  }

  /// Asks and shows the answer.
  func perform(
    _ request: Request, _ client: Client, _ connection: inout BufferedReader
  ) throws(ClientFailure) -> Answer {
    let line = try client.ask(request, over: &connection)
    let answer = try client.decode(Answer.self, from: line)
    if options.json {
      try Output.json(line + [UInt8(ascii: "\n")], raw: options.raw)
    } else {
      try show(answer)
    }
    return answer
  }
}

struct ListWindows: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "list-windows", abstract: "List the windows.")
  @OptionGroup var options: ClientOptions

  func request() -> Request { .listWindows }

  func show(_ answer: Reply.Windows) throws(ClientFailure) {
    guard !answer.windows.isEmpty else { return }
    let rows = answer.windows.map { window in
      [
        "\(window.id)", window.pid.map(String.init) ?? "-", "\(window.columns)x\(window.rows)",
        window.exit?.description ?? (window.attached == nil ? "running" : "attached"), window.title,
        window.command.joined(separator: " "),
      ]
    }
    try Output.table([["ID", "PID", "SIZE", "STATE", "TITLE", "COMMAND"]] + rows, raw: options.raw)
  }
}

struct CloseWindow: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "close-window", abstract: "Hang a window up, and return when it has gone.")
  @OptionGroup var options: ClientOptions
  @Argument(help: "The window.", completion: .windows) var id: UInt64

  func request() -> Request { .closeWindow(Int128(id)) }
  func show(_ answer: Reply.Done) {}
}

struct ResizeWindow: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "resize-window", abstract: "Give a window's terminal another size.")
  @OptionGroup var options: ClientOptions
  @Argument(help: "The window.", completion: .windows) var id: UInt64
  @Argument(help: "In characters.") var columns: UInt16
  @Argument(help: "In lines.") var rows: UInt16

  func request() -> Request { .resizeWindow(Int128(id), columns: columns, rows: rows) }
  func show(_ answer: Reply.Done) {}
}

struct Show: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Print what a window printed last.")
  @OptionGroup var options: ClientOptions
  @Argument(help: "The window.", completion: .windows) var id: UInt64

  func request() -> Request { .show(Int128(id)) }

  func show(_ answer: Reply.Shown) throws(ClientFailure) {
    let bytes = answer.output.bytes
    try Output.write(options.raw || !Output.isTerminal ? bytes : Array(DisplayText.escapedLines(bytes).utf8))
  }
}

struct Wait: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "wait", abstract: "Wait until a window has gone, and print how it ended.")
  @OptionGroup var options: ClientOptions
  @Flag(help: "Exit as the child did: its status, or 128 and the signal; 125 for a failure of windowctl's own.")
  var exitStatus = false
  @Argument(help: "The window.", completion: .windows) var id: UInt64

  var standardTimeout: Double? { nil }
  func request() -> Request { .wait(Int128(id)) }
  func show(_ answer: Reply.Ended) throws(ClientFailure) {
    try Output.line("window \(answer.id) \(answer.exit.description)")
  }

  func exitCode(for answer: Reply.Ended) -> Int32 {
    exitStatus ? answer.exit.shellStatus : 0
  }

  func exitCode(for failure: ClientFailure) -> Int32 { exitStatus ? 125 : failure.exitCode }
}

struct Config: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Change settings.")
  @OptionGroup var options: ClientOptions
  @Option(help: "The window they are for. [default: all]", completion: .windows) var window: UInt64?
  @Flag(help: "Drop earlier changes first.") var reset = false
  @Argument(help: "Settings, as key=value.", completion: .settings) var settings: [String] = []

  func request() -> Request {
    .config(ConfigurationChange(options: settings, window: window.map { Int128($0) }, reset: reset))
  }
  func show(_ answer: Reply.Done) {}
}

struct GetConfig: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "get-config", abstract: "Print the settings that hold.")
  @OptionGroup var options: ClientOptions
  @Option(help: "The window. [default: all]", completion: .windows) var window: UInt64?

  func request() -> Request { .getConfig(window: window.map { Int128($0) }) }

  func show(_ answer: [String: [String: SettingValue]]) throws(ClientFailure) {
    for (key, value) in (answer["config"] ?? [:]).sorted(by: { $0.key < $1.key }) {
      try Output.line("\(key) = \(value.text)", raw: options.raw)
    }
  }
}

struct Status: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Print how the daemon is.",
    discussion: """
      With IPCKIT_ORIGINS=1 in the daemon's environment, the list of its descriptors says where in its source each was \
      made.
      """)
  @Flag(help: "List each of the daemon's descriptors too.")
  var descriptors = false
  @OptionGroup var options: ClientOptions

  func request() -> Request { .status(listing: descriptors) }

  func show(_ answer: Reply.Status) throws(ClientFailure) {
    let count = answer.descriptors.values.reduce(0, +)
    let kinds = answer.descriptors.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    try Output.table(
      [
        ["pid", "\(answer.pid)"],
        ["uptime", "\(Int(exactly: answer.uptime.rounded(.down)) ?? .max) s"],
        ["windows", "\(answer.windows)"],
        ["connections", "\(answer.connections)"],
        ["descriptors", "\(count) (\(kinds.joined(separator: ", ")))"],
      ], raw: options.raw)
    let list = (answer.list ?? []).map { ["\($0.number)", $0.kind, $0.details, $0.origin ?? ""] }
    try Output.table(list, raw: options.raw)
  }
}

/// A setting's value: text or a number.
struct SettingValue: Decodable {
  let text: String

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Int.self) {
      text = "\(number)"
    } else {
      text = try container.decode(String.self)
    }
  }
}
