// What a child has told, and whether that amounts to a test that was run to its end.

internal import FoundationEssentials
internal import Glibc
internal import IPCKit

/// An issue of the child's.
package struct ChildIssue: Sendable {
  package let text: String
  let location: Location?
  let isKnown: Bool

  struct Location: Decodable, Sendable {
    let fileID: String
    let filePath: String
    let line: Int
    let column: Int

    private enum CodingKeys: String, CodingKey {
      case fileID, line, column
      case filePath = "_filePath"
    }
  }
}

/// Everything about one child's run, with limits on what is kept of it.
package struct ChildReport: Sendable {
  /// In the order in which they happened.
  package private(set) var issues: [ChildIssue] = []
  /// What is wrong with the run itself.
  package private(set) var failures: [String] = []
  /// Whether the child has said that the test took too long.
  private(set) var isOverTime = false

  private let identifier: String
  private var line: [UInt8] = []
  private var isLineTooLong = false
  /// The end of what it has written to standard error.
  private var output: [UInt8] = []
  private var hasEnded = false
  private var wasSkipped = false
  private var wasKilled = false
  private var unkeptIssues = 0

  private static let longestLine = 4 << 20
  private static let mostIssues = 1000
  private static let longestOutput = 64 << 10

  init(_ identifier: String) { self.identifier = identifier }

  init(failedToStart error: any Error) {
    self.init("")
    failures = ["the test's own process could not be started: \(error)"]
  }

  /// Takes some of the event stream: a JSON object a line.
  mutating func add(events bytes: ArraySlice<UInt8>) {
    var rest = bytes
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      take(rest[..<end])
      if !isLineTooLong { read(line) }
      (line, isLineTooLong) = ([], false)
      rest = rest[(end + 1)...]
    }
    take(rest)
  }

  private mutating func take(_ part: ArraySlice<UInt8>) {
    if line.count + part.count > Self.longestLine { (line, isLineTooLong) = ([], true) }
    if !isLineTooLong { line += part }
  }

  mutating func add(output bytes: ArraySlice<UInt8>) {
    output += bytes
    if output.count > Self.longestOutput { output.removeFirst(output.count - Self.longestOutput) }
  }

  mutating func killed(becauseOfTime: Bool) {
    wasKilled = true
    failures.append(
      becauseOfTime
        ? "the test's own process was killed: it was silent for longer than its time limit"
        : "the test's own process was killed: the test was cancelled")
  }

  /// Judges the run. Nothing passes that has not said that it was run, nor what ends as a failure and has not said why.
  mutating func ended(_ status: ExitStatus) {
    if unkeptIssues > 0 { failures.append("and \(unkeptIssues) more issues") }
    guard !wasKilled else { return }
    let isFailed = !failures.isEmpty || issues.contains { !$0.isKnown }
    switch status {
    case .signaled(let signal):
      failures.append("the test's own process was killed by \(Self.name(ofSignal: signal))" + lastWords)
    case .unknown: failures.append("how the test's own process ended is not known" + lastWords)
    case .exited(0) where hasEnded: return
    case .exited where wasSkipped:
      failures.append(
        "the test was skipped in its own process: its conditions hold in one process and not in the other")
    case .exited(let code) where !hasEnded:
      failures.append(
        "the test's own process exited with status \(code) and did not run the test to its end" + lastWords)
    case .exited(let code):
      if !isFailed {
        failures.append("the test's own process exited with status \(code) and did not say why" + lastWords)
      }
    }
  }

  /// What came before the runtime's own backtrace, which was printed and is too long to be said again.
  private var lastWords: String {
    var text = String(decoding: output, as: UTF8.self)
    if let crash = text.firstRange(of: "*** Signal ") { text.removeSubrange(crash.lowerBound...) }
    text = String(text.suffix(2000))
    return text.isEmpty ? "" : "; the last that it wrote to standard error:\n" + text
  }

  private static func name(ofSignal number: Int32) -> String {
    let names: [Int32: String] = [
      SIGABRT: "SIGABRT", SIGALRM: "SIGALRM", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGHUP: "SIGHUP", SIGILL: "SIGILL",
      SIGINT: "SIGINT", SIGKILL: "SIGKILL", SIGPIPE: "SIGPIPE", SIGQUIT: "SIGQUIT", SIGSEGV: "SIGSEGV",
      SIGSYS: "SIGSYS", SIGTERM: "SIGTERM", SIGTRAP: "SIGTRAP", SIGUSR1: "SIGUSR1", SIGUSR2: "SIGUSR2",
      SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ",
    ]
    return names[number].map { "\($0), signal \(number)" } ?? "signal \(number)"
  }
}

// MARK: - Events

extension ChildReport {
  /// A line of the stream, as far as it is of use here.
  private struct Record: Decodable {
    let kind: String
    let payload: Payload

    struct Payload: Decodable {
      let kind: String?
      let testID: String?
      let issue: Issue?
      let messages: [Message]?
      let _testCase: Case?
    }

    struct Issue: Decodable {
      let isKnown: Bool
      let sourceLocation: ChildIssue.Location?
    }

    struct Message: Decodable {
      let text: String
    }

    struct Case: Decodable {
      let displayName: String
    }
  }

  private mutating func read(_ line: [UInt8]) {
    guard let record = try? JSONDecoder().decode(Record.self, from: Data(line)), record.kind == "event" else { return }
    let event = record.payload
    switch event.kind {
    case "issueRecorded": event.issue.map { add($0, event) }
    case "testEnded" where event.testID == identifier: hasEnded = true
    case "testSkipped" where event.testID == identifier: wasSkipped = true
    default: break
    }
  }

  private mutating func add(_ issue: Record.Issue, _ event: Record.Payload) {
    guard issues.count < Self.mostIssues else { return unkeptIssues += 1 }
    var messages = (event.messages ?? []).map(\.text)
    // What Testing will say of the issue that is recorded here.
    if messages.count > 1, messages.first == "Issue recorded" { messages.removeFirst() }
    var text = messages.joined(separator: "\n")
    if text.hasPrefix("Time limit was exceeded") { isOverTime = true }
    if let name = event._testCase?.displayName { text += "\nin the case \(name)" }
    issues.append(ChildIssue(text: text, location: issue.sourceLocation, isKnown: issue.isKnown))
  }
}
