// A windowd of a test's own: on a socket that nobody else knows, with an environment that the test says.

internal import Glibc
internal import IPCKit
internal import Testing
internal import WindowProtocol

/// Who can be asked because it has a windowd at a socket.
protocol Askable {
  var socket: String { get }
}

/// A real windowd process.
final class TestDaemon: Askable {
  let directory: TemporaryDirectory
  let socket: String
  let process: RunningProcess

  var facts: ProcessFacts { process.facts }

  /// Starts windowd and returns when it serves.
  /// - Parameters:
  ///   - configuration: the text of its configuration file.
  ///   - environment: changes to the plain environment.
  ///   - setup: shell commands before it starts.
  init(
    configuration: String? = nil, environment: [String: String?] = [:], setup: String = "", arguments: [String] = []
  ) throws {
    directory = try TemporaryDirectory()
    socket = directory.file("windowd.sock")
    var arguments = [Programs.windowd, "--socket", socket] + arguments
    if let configuration {
      arguments += ["--config", try directory.write(configuration, to: "windowd.conf")]
    }
    process = try RunningProcess(arguments, environment: plainEnvironment(environment), setup: setup)
    _ = try process.line(containing: "ready")
  }

  /// Ends it as a service manager does.
  func stop(within limit: Duration = patience) throws -> IPCKit.ExitStatus {
    process.signal(SIGTERM)
    return try process.exit(within: limit)
  }

  /// Its descriptors while nobody is connected: the only sockets are the listener and the pair that children get their
  /// descriptors through.
  func descriptorsAtRest() throws -> [Int32: String] {
    var found = facts.descriptors
    let isAtRest = eventually {
      found = facts.descriptors
      return found.values.count { $0.hasPrefix("socket:") } == 3
    }
    guard isAtRest else { throw TestFailure("clients stay connected: \(found)") }
    return found
  }

  /// Its descriptors once they are no more than `expected`, or as they are when that does not come.
  func descriptors(settlingTo expected: [Int32: String], within limit: Duration = patience) -> [Int32: String] {
    var found = facts.descriptors
    _ = eventually(within: limit) {
      found = facts.descriptors
      return found == expected
    }
    return found
  }
}

/// Runs `body` with a daemon, and checks that the daemon ends well after it.
func withDaemon(
  configuration: String? = nil, environment: [String: String?] = [:], setup: String = "", arguments: [String] = [],
  location: SourceLocation = #_sourceLocation, _ body: (TestDaemon) throws -> Void
) throws {
  let daemon = try TestDaemon(
    configuration: configuration, environment: environment, setup: setup, arguments: arguments)
  let outcome = Result { try body(daemon) }
  let status = try daemon.stop()
  #expect(status == .exited(0), sourceLocation: location)
  try outcome.get()
}

// MARK: - Asking

extension Askable {
  func connect() throws(IPCError) -> RawClient { try RawClient(socket) }

  /// Asks on a connection of its own.
  func ask<Answer: Decodable>(_ request: Request, for type: Answer.Type) throws -> Answer {
    var client = try connect()
    return try client.ask(request, for: type)
  }

  /// The line that answers a line.
  func ask(_ message: String) throws -> String {
    var client = try connect()
    return try client.ask(message)
  }

  /// The code of the failure that answers a request; nil when it succeeds.
  func failure(of request: Request) throws -> FailureCode? {
    do {
      _ = try ask(request, for: [String: AnyJSON].self)
      return nil
    } catch let failure as Reply.Failure {
      return failure.error.code
    }
  }

  /// Opens a window and returns its id.
  func create(
    _ command: String..., directory: String? = nil, hold: Bool = false, options: [String] = []
  ) throws -> UInt64 {
    var window = WindowSpecification()
    window.command = command
    window.workingDirectory = directory
    window.hold = hold
    window.options = options
    return try ask(.createWindow(window), for: Reply.Created.self).id
  }

  func list() throws -> [WindowInformation] { try ask(.listWindows, for: Reply.Windows.self).windows }

  func window(_ id: UInt64) throws -> WindowInformation {
    try #require(try list().first { $0.id == id })
  }

  /// The process of a window.
  func child(of id: UInt64) throws -> ProcessFacts { ProcessFacts(id: try #require(try window(id).pid)) }

  func close(_ id: UInt64) throws { _ = try ask(.closeWindow(Int128(id)), for: Reply.Done.self) }

  /// How a window ended, once it has gone.
  func wait(_ id: UInt64) throws -> ChildExit { try ask(.wait(Int128(id)), for: Reply.Ended.self).exit }

  func show(_ id: UInt64) throws -> Reply.Shown { try ask(.show(Int128(id)), for: Reply.Shown.self) }

  /// What a held window printed, once its program has ended; with plain line ends.
  func output(of id: UInt64) throws -> String {
    guard try eventually({ try window(id).exit != nil }) else { throw TestFailure("window \(id) does not end") }
    return String(decoding: try show(id).output.bytes.filter { $0 != 0x0D }, as: UTF8.self)
  }

  /// Runs a command in a window and returns what it printed.
  func printed(by command: String..., directory: String? = nil, options: [String] = []) throws -> String {
    var window = WindowSpecification()
    window.command = command
    window.workingDirectory = directory
    window.hold = true
    window.options = options
    let id = try ask(.createWindow(window), for: Reply.Created.self).id
    let text = try output(of: id)
    try close(id)
    return text
  }

  func status() throws -> Reply.Status { try ask(.status(listing: false), for: Reply.Status.self) }

  /// Starts windowctl for this daemon.
  func startWindowctl(_ arguments: String...) throws -> Job {
    try Job([Programs.windowctl] + arguments, environment: plainEnvironment(["WINDOWD_SOCKET": socket]))
  }

  /// Runs windowctl for this daemon.
  func windowctl(_ arguments: String..., setup: String = "") throws -> Outcome {
    try run(
      [Programs.windowctl] + arguments, environment: plainEnvironment(["WINDOWD_SOCKET": socket]), setup: setup)
  }
}

/// Any JSON value, for those who only look whether there is an answer.
struct AnyJSON: Decodable {
  init(from decoder: any Decoder) throws {}
}

extension WindowSpecification {
  /// A window for a command.
  init(command: String...) {
    self.init()
    self.command = command
  }
}
