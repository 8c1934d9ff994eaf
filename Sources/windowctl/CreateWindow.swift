// A window, opened; and, for who wants it so, shown here or waited for.

internal import ArgumentParser
internal import IPCKit
internal import WindowProtocol

struct CreateWindow: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "create-window", abstract: "Open a window and print its id.")
  @OptionGroup var options: ClientOptions
  @Option(help: "Where the program starts. [default: the home directory]", completion: .directory)
  var workingDirectory: String?
  @Option(name: [.customLong("title"), .customShort("T")], help: "What the window is called.")
  var title: String?
  @Option(name: .customLong("class"), help: "Its class, as general[,instance].")
  var windowClass: String?
  @Flag(help: "Keep the window when its program has ended.")
  var hold = false
  @Option(name: .customLong("env"), help: "A variable for the program, as NAME=value; may be repeated.")
  var environment: [String] = []
  @Option(
    name: .customShort("o"), help: "A setting for this window, as key=value; may be repeated.", completion: .settings)
  var option: [String] = []
  @Flag(help: "Start windowd if nobody serves the socket.")
  var start = false
  @Flag(help: "Show the window on this terminal, as `attach` does.")
  var attach = false
  @Flag(help: "Wait until the window has gone, and exit as its program did; 125 for a failure of windowctl's own.")
  var wait = false
  @OptionGroup var attachOptions: AttachOptions
  @Option(
    name: [.customShort("e"), .customLong("command")], parsing: .remaining,
    help: "The program and its arguments; must come last. [default: the login shell]", completion: .programs)
  var command: [String] = []

  func request() throws(ClientFailure) -> Request { .createWindow(try specification()) }

  private func specification() throws(ClientFailure) -> WindowSpecification {
    var window = WindowSpecification()
    window.command = command
    window.title = title
    window.hold = hold
    window.environment = environment
    window.options = option
    if let workingDirectory {
      do throws(SystemError) {
        window.workingDirectory = try SocketLocation.absolute(workingDirectory)
      } catch {
        throw .failed("\(error)")
      }
    }
    if let windowClass {
      let parts = windowClass.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      window.windowClass = WindowClass(general: parts.first ?? "", instance: parts.last ?? "")
    }
    return window
  }

  func run() throws {
    try Output.exiting(options, failingWith: exitCode) { () throws(ClientFailure) in
      let client = try Client(options, deadline: options.deadline(unlessGiven: standardTimeout))
      guard attach else { return try create(client) }
      return try create(client, showingOn: try OwnTerminal())
    }
  }

  /// Opens the window, and stays with it if that is wanted.
  private func create(_ client: Client) throws(ClientFailure) -> Int32 {
    var connection = try connection(of: client)
    let window = try perform(try request(), client, &connection)
    guard wait else { return 0 }
    let deadline = options.deadline(unlessGiven: nil)
    let line = try client.ask(.wait(Int128(window.id)), over: &connection, deadline: deadline)
    let ended = try client.decode(Reply.Ended.self, from: line)
    if options.json { try Output.json(line + [UInt8(ascii: "\n")], raw: options.raw) }
    return ended.exit.shellStatus
  }

  /// Opens the window on the terminal: with one request, so that even a short program's output is seen.
  private func create(_ client: Client, showingOn terminal: consuming OwnTerminal) throws(ClientFailure) -> Int32 {
    let request = AttachRequest(.new(try specification()), detachKey: try attachOptions.key())
    let connection = try connection(of: client)
    let end = try Visit(terminal, client, over: connection).show(request)
    guard wait, end.signal == nil, let exit = end.end.exit else { return end.exitCode }
    return exit.shellStatus
  }

  func exitCode(for failure: ClientFailure) -> Int32 { wait ? 125 : failure.exitCode }

  func connection(of client: Client) throws(ClientFailure) -> BufferedReader {
    start ? try DaemonStarter(client: client).connect() : try client.connect()
  }

  func show(_ answer: Reply.Created) throws(ClientFailure) { try Output.line("\(answer.id)") }
}
