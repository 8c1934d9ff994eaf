// Programs that a test runs: found beside the test binary, started with exactly the environment that the test says.

internal import FoundationEssentials
internal import Glibc
internal import IPCKit

/// Where the programs are.
enum Programs {
  static let directory: String = {
    let own = link(at: "/proc/self/exe") ?? ""
    return String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)])
  }()
  static let windowd = directory + "/windowd"
  static let windowctl = directory + "/windowctl"

  /// Whether an installed program is there.
  static func has(_ path: String) -> Bool { FileManager.default.isExecutableFile(atPath: path) }
}

/// The variables that every program of a test needs and no others: nothing of the machine's leaks in.
func plainEnvironment(_ changes: [String: String?] = [:]) -> Environment {
  var environment = Environment()
  environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  environment["HOME"] = "/"
  environment["SHELL"] = "/bin/sh"
  // Where a Swift program that was linked for the toolchain finds its libraries, if the tests were told so.
  if let libraries = Environment.inherited["LD_LIBRARY_PATH"] { environment["LD_LIBRARY_PATH"] = libraries }
  for (name, value) in Sanitizer.variables { environment[name] = value }
  for (name, value) in changes { environment[name] = value }
  return environment
}

/// A process whose output, standard error included, comes line by line.
final class RunningProcess {
  let id: Int32
  private let process: DetachedProcess
  private var output: BufferedReader
  private(set) var lines: [String] = []
  private var ended: ExitStatus?

  /// - Parameter setup: shell commands before the program, such as `umask 027`; the process's number stays the same.
  init(_ arguments: [String], environment: Environment = plainEnvironment(), setup: String = "") throws {
    let pipe = try Pipe()
    let prefix = setup.isEmpty ? [] : ["/bin/sh", "-c", setup + "\nexec \"$@\"", "sh"]
    let writing = pipe.writing
    process = try DetachedProcess(
      Command(arguments: prefix + arguments, environment: environment), output: writing, deadline: patientDeadline)
    // The end of the output must be the process's to make.
    _ = consume writing
    id = process.processID
    output = BufferedReader(pipe.reading)
  }

  var facts: ProcessFacts { ProcessFacts(id: id) }

  /// The next line of output; nil when it has ended.
  func nextLine(within limit: Duration = patience) throws(IPCError) -> String? {
    guard let line = try output.nextLine(as: [UInt8].self, deadline: .after(limit)) else { return nil }
    lines.append(String(decoding: line, as: UTF8.self))
    return lines.last
  }

  /// Reads on until a line contains `part`, and returns it.
  func line(containing part: String) throws -> String {
    while let line = try nextLine() { if line.contains(part) { return line } }
    throw TestFailure("process \(id) ended without printing '\(part)': \(lines)")
  }

  func signal(_ number: Int32) { if ended == nil { kill(id, number) } }

  /// How it ended.
  func exit(within limit: Duration = patience) throws(IPCError) -> ExitStatus {
    if let ended { return ended }
    let deadline = Deadline.after(limit)
    var status = try process.exit(deadline: deadline)
    // The end of a traced process is its tracer's to hear of first; its parent cannot tell until then.
    while status == .unknown, !deadline.hasPassed {
      usleep(1000)
      status = try process.exit(deadline: deadline)
    }
    ended = status
    return status
  }

  deinit {
    guard ended == nil else { return }
    kill(id, SIGKILL)
    _ = try? process.exit(deadline: .after(patience))
  }
}

/// What a program that has ended printed.
struct Outcome {
  let status: Int32?
  let output: [UInt8]
  let errors: String
  var text: String { String(decoding: output, as: UTF8.self) }
  /// The lines without an end.
  var lines: [String] { text.split(separator: "\n", omittingEmptySubsequences: true).map(String.init) }
}

/// A program that runs to its end, with standard output and error apart.
final class Job {
  let process: RunningProcess
  private let directory: TemporaryDirectory

  init(_ arguments: [String], environment: Environment = plainEnvironment(), setup: String = "") throws {
    directory = try TemporaryDirectory()
    let streams = "exec >'\(directory.file("out"))' 2>'\(directory.file("err"))'"
    process = try RunningProcess(arguments, environment: environment, setup: streams + "\n" + setup)
  }

  /// Waits for its end; a signal's number is negative.
  func outcome(within limit: Duration = patience) throws -> Outcome {
    let status: Int32? =
      switch try process.exit(within: limit) {
      case .exited(let code): code
      case .signaled(let signal): -signal
      case .unknown: nil
      }
    return Outcome(
      status: status, output: contents(of: directory.file("out")) ?? [], errors: text(of: directory.file("err")) ?? "")
  }
}

/// Runs a program to its end.
func run(
  _ arguments: [String], environment: Environment = plainEnvironment(), setup: String = ""
) throws -> Outcome {
  try Job(arguments, environment: environment, setup: setup).outcome()
}
