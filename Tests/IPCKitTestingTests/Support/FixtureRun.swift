// This program once more, with fixtures that fail on purpose switched on: what a person would see is what is looked at.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

/// Switched on by a variable, whose value is a directory that they may use.
enum Fixtures {
  static let variable = "IPCKIT_LEAKFREE_FIXTURES"
  static var directory: String? { Environment.inherited[variable] }
}

extension Trait where Self == ConditionTrait {
  static var fixture: Self { .enabled(if: Fixtures.directory != nil, "a fixture, which other tests run") }
}

/// How a run of some fixtures ended, and what it printed.
struct FixtureRun: Sendable {
  let processID: Int32
  let status: IPCKit.ExitStatus
  let output: String

  /// Runs the fixtures whose name, after `Fixture`, begins with `filter`, a regular expression.
  init(_ filter: String, arguments: [String] = [], _ change: (inout Environment) -> Void = { _ in })
    async throws
  {
    var environment = Environment.inherited
    change(&environment)
    let changed = environment
    self = try await onOwnThread { Result { try Self.run(filter, arguments, changed) } }.get()
  }

  private static func run(_ filter: String, _ arguments: [String], _ environment: Environment) throws -> FixtureRun {
    var template = Array("/tmp/leakfree-XXXXXX".utf8CString)
    // mkdtemp changes the six last characters in place.
    guard unsafe mkdtemp(&template) != nil else { throw SystemError(errno: errno, operation: "mkdtemp") }
    let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let path = "\(directory)/output"
    defer {
      for name in ["output", "started"] { unsafe unlink("\(directory)/\(name)") }
      unsafe rmdir(directory)
    }
    var environment = environment
    environment[Fixtures.variable] = directory
    let number = unsafe open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
    // open just handed the number out.
    let file = unsafe FileDescriptor(owning: number)
    let command = Command(
      arguments: [
        "/proc/self/exe", "--testing-library", "swift-testing", "--filter", "IPCKitTestingTests.Fixture\(filter)",
      ] + arguments,
      environment: environment)
    let process = try DetachedProcess(command, output: file)
    let status = try process.exit(deadline: .after(.seconds(300)))
    lseek(number, 0, SEEK_SET)
    var reader = BufferedReader(file)
    var lines: [String] = []
    while let line = try reader.nextLine(as: String.self) { lines.append(line) }
    return FixtureRun(processID: process.processID, status: status, output: lines.joined(separator: "\n"))
  }

  private init(processID: Int32, status: IPCKit.ExitStatus, output: String) {
    self.processID = processID
    self.status = status
    self.output = output
  }

  /// What was recorded for a test: each issue's line and its comments.
  func issues(of test: String) -> [String] {
    var found: [String] = []
    var isOfTest = false
    for line in output.split(separator: "\n") {
      if line.hasPrefix("✘ Test ") || line.hasPrefix("✔ ") || line.hasPrefix("◇ ") || line.hasPrefix("━ ") {
        isOfTest = line.hasPrefix("✘ Test \(test) recorded an issue")
        if isOfTest { found.append(String(line)) }
      } else if isOfTest, let last = found.indices.last {
        found[last] += "\n\(line)"
      }
    }
    return found
  }

  var hasSucceeded: Bool { status == .exited(0) }
  /// As a run of tests ends of which one has failed.
  var hasFailed: Bool { status == .exited(1) }

  func hasPassed(_ test: String) -> Bool {
    output.contains("✔ Test \(test) ") && output.contains("\(test) ") && issues(of: test).isEmpty
  }
}
