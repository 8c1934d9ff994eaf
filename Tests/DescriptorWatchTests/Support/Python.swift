// A process that leaks as it is told: python3, which shares no line of code with what looks at it.

internal import DescriptorWatch
internal import Glibc
internal import IPCKit

/// How long anything in a test may take before the test says that it does not come. Far more than it takes.
let patience = Duration.seconds(60)

/// What a test could not go on after.
struct TestFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// A python3 that holds what its program has opened, and takes a step when it is told to.
final class Python {
  let id: Int32
  private let process: DetachedProcess
  private let input: FileDescriptor
  private var output: BufferedReader
  private var isReaped = false

  /// Returns when the program has begun.
  /// - Parameters:
  ///   - program: what it opens; it may keep it in the list `keep`.
  ///   - step: what it does at each step.
  init(_ program: String, step: String = "pass") throws {
    let lines = [
      "import ctypes, os, select, socket, sys, tempfile, time", "keep = []", program, "def step():",
      "  global keep", step.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"),
      "print('ready', flush=True)", "for line in sys.stdin:", "  step()", "  print('done', flush=True)",
    ]
    let commands = try Pipe()
    let answers = try Pipe()
    var descriptors = ChildDescriptors()
    descriptors.set(0, to: commands.reading)
    descriptors.set(1, to: answers.writing)
    let command = Command(
      arguments: ["python3", "-I", "-c", lines.joined(separator: "\n")], environment: .inherited)
    process = try DetachedProcess(command, with: descriptors, deadline: .after(patience))
    id = process.processID
    input = commands.writing
    output = BufferedReader(answers.reading)
    try expect("ready")
  }

  /// Takes so many steps, and returns when they are done.
  func step(_ count: Int = 1) throws {
    for _ in 0..<count {
      try input.writeAll("\n", deadline: .after(patience))
      try expect("done")
    }
  }

  /// What it holds.
  func snapshot() throws -> Snapshot { try Snapshot(processID: id, findingOtherEnds: true) }

  /// So many samples with a step between each two.
  func series(_ count: Int) throws -> Series {
    var series = Series(try snapshot())
    for index in 1..<max(count, 1) {
      try step()
      series.add(try snapshot(), at: .seconds(index))
    }
    return series
  }

  /// Ends it, and returns when it has gone.
  func end() throws {
    guard !isReaped else { return }
    kill(id, SIGKILL)
    _ = try process.exit(deadline: .after(patience))
    isReaped = true
  }

  private func expect(_ word: String) throws {
    let line = try output.nextLine(as: String.self, deadline: .after(patience))
    guard line == word else { throw TestFailure("python3 says '\(line ?? "nothing")' instead of '\(word)'") }
  }

  deinit { try? end() }
}
