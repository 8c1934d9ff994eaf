// A windowd with a service manager of the test's own, which starts it again with what it has stored.

internal import Glibc
internal import IPCKit
internal import Testing
internal import WindowProtocol

/// The manager, a Python program, and the windowd that it manages.
final class TestManager: Askable {
  let directory: TemporaryDirectory
  let socket: String
  let process: RunningProcess

  /// Starts the manager, and windowd by it.
  init(capacity: Int = 300, arguments: [String] = []) throws {
    directory = try TemporaryDirectory()
    socket = directory.file("windowd.sock")
    let here = #filePath
    let script = here[..<(here.lastIndex(of: "/") ?? here.startIndex)] + "/manager.py"
    // Where the toolchain is, a debugger would look at each crash for seconds.
    process = try RunningProcess(
      ["/usr/bin/python3", String(script), directory.path, "\(capacity)", Programs.windowd] + arguments,
      environment: plainEnvironment(["SWIFT_BACKTRACE": "enable=no"]))
    _ = try process.line(containing: "managing")
    #expect(try tell("start") == "\"ready\"")
  }

  /// Tells the manager something and returns its answer, JSON.
  @discardableResult
  func tell(_ words: String...) throws -> String {
    var control = try RawClient(directory.file("control"))
    let line = String(decoding: try WireFormat.line(words), as: UTF8.self)
    return try control.ask(String(line.dropLast()))
  }

  /// The descriptors that are stored, by name, as links of /proc/PID/fd.
  func stored() throws -> [String: [String]] {
    let entries = try WireFormat.decode([[String]].self, from: Array(try tell("stored").utf8))
    return Dictionary(grouping: entries, by: { $0[0] }).mapValues { $0.map { $0[1] } }
  }

  /// Waits until as many descriptors are stored.
  func expectStored(_ count: Int, _ location: SourceLocation = #_sourceLocation) throws {
    var found: [String: [String]] = [:]
    let isSo = try eventually {
      found = try stored()
      return found.values.joined().count == count
    }
    #expect(isSo, "\(found)", sourceLocation: location)
  }

  /// Ends windowd by a signal and starts the next one.
  func restart(by signal: Int32, _ location: SourceLocation = #_sourceLocation) throws {
    #expect(try tell("restart", "\(signal)") == "\"ready\"", sourceLocation: location)
  }

  /// From here on, starts windowd again for who comes to the socket after it has ended by itself.
  func startOnDemand() throws { try tell("start on demand") }

  /// Starts windowd again if it has ended by itself.
  func startIfNeeded() throws {
    guard try tell("state") != "\"ready\"" else { return }
    try tell("forget")
    #expect(try tell("start") == "\"ready\"")
  }

  /// What windowd and the manager have printed so far that contains `part`.
  func line(containing part: String) throws -> String { try process.line(containing: part) }
}
