// fdwatch itself: found beside the test binary, and run as a user runs it.

internal import FoundationEssentials
internal import Glibc
internal import IPCKit
internal import Testing

/// The program.
enum Program {
  static let path: String = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)]) + "/fdwatch"
  }()

  /// This process's variables, without those that fdwatch heeds, and with changes.
  static func environment(_ changes: [String: String?] = [:]) -> Environment {
    var environment = Environment.inherited
    environment["NO_COLOR"] = nil
    environment["TERM"] = "xterm"
    // What waits on a loop at the end is never resumed, and is no leak.
    if let options = environment["ASAN_OPTIONS"] { environment["ASAN_OPTIONS"] = options + ":detect_leaks=0" }
    for (name, value) in changes { environment[name] = value }
    return environment
  }

  /// Runs it to its end.
  static func run(
    _ arguments: String..., environment: [String: String?] = [:], setup: String = ""
  ) throws -> Outcome {
    try Job([path] + arguments, environment: environment, setup: setup).outcome()
  }
}

/// strace, which makes the kernel refuse.
enum Strace {
  static let isMissing: Comment = "strace IS MISSING: no call fails"
  static let isThere = FileManager.default.isExecutableFile(atPath: path)
  private static let path = "/usr/bin/strace"

  /// What stands before a program whose calls of a kind are all to fail, and those of its children. -D: strace is the
  /// grandchild, and the process that is started is the program itself.
  static func failing(_ call: String, with error: String) -> [String] {
    [path, "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e", "inject=\(call):error=\(error)"]
  }
}

/// What a program that has ended printed.
struct Outcome {
  /// A signal's number is negative.
  let status: Int32?
  let output: String
  let errors: String

  var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// A program that runs to its end, with standard output and error apart.
final class Job {
  let id: Int32
  private let process: DetachedProcess
  private let directory: TemporaryDirectory
  private var isReaped = false

  /// - Parameter setup: shell commands before the program; the process's number stays the same.
  init(_ arguments: [String], environment: [String: String?] = [:], setup: String = "") throws {
    directory = try TemporaryDirectory()
    let streams = "exec >'\(directory.file("out"))' 2>'\(directory.file("err"))'"
    let command = Command(
      arguments: ["sh", "-c", "\(streams)\n\(setup)\nexec \"$@\"", "sh"] + arguments,
      environment: Program.environment(environment))
    process = try DetachedProcess(command, with: ChildDescriptors(), deadline: .after(patience))
    id = process.processID
  }

  /// What it has printed so far.
  var output: String { contents(of: directory.file("out")) }

  /// Whether it comes to print this.
  func prints(_ part: String, times count: Int = 1) -> Bool {
    eventually { output.components(separatedBy: part).count > count }
  }

  func signal(_ number: Int32) { if !isReaped { kill(id, number) } }

  /// Waits for its end.
  func outcome() throws -> Outcome {
    let status: Int32? =
      switch try process.exit(deadline: .after(patience)) {
      case .exited(let code): code
      case .signaled(let signal): -signal
      case .unknown: nil
      }
    isReaped = true
    return Outcome(status: status, output: output, errors: contents(of: directory.file("err")))
  }

  deinit {
    guard !isReaped else { return }
    kill(id, SIGKILL)
    _ = try? process.exit(deadline: .after(patience))
  }
}

/// A directory of a test's own, gone with it.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    path = "/tmp/fdwatch-" + UUID().uuidString.lowercased()
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a name in it.
  func file(_ name: String) -> String { path + "/" + name }

  /// Writes a file and returns its path.
  func write(_ text: String, to name: String, mode: Int = 0o644) throws -> String {
    try Data(text.utf8).write(to: URL(filePath: file(name)))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file(name))
    return file(name)
  }

  var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }
}

/// The text of a file; empty when there is none.
func contents(of path: String) -> String {
  FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
}

/// Looks every few milliseconds until `condition` holds; false when it does not in time.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
  let deadline = Deadline.after(patience)
  while true {
    if try condition() { return true }
    if deadline.hasPassed { return false }
    usleep(3000)
  }
}
