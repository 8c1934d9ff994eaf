// fdwatch from its command line: what it prints of a process, and how it ends.

internal import DescriptorWatch
internal import FoundationEssentials
internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing

@Suite(.leakFree) struct ProgramTests {
  @Test func aProcessIsShownByNumber() throws {
    let python = try Python("keep += socket.socketpair()")
    let outcome = try Program.run("\(python.id)")
    #expect(outcome.status == 0)
    #expect(outcome.errors == "")
    #expect(outcome.lines.first?.contains("(\(python.id)), user ") == true)
    #expect(outcome.output.contains("idle pair (possible)"))
    #expect(!outcome.output.contains("\u{1B}"))
  }

  @Test func aNameMustBeOneProcesss() throws {
    let name = "fdw\(getpid() % 100000)"
    let rename = "ctypes.CDLL(None).prctl(15, b'\(name)', 0, 0, 0)"
    let none = try Program.run(name)
    #expect(none.status == 1)
    #expect(none.errors == "fdwatch: no process is called '\(name)'\n")
    let first = try Python(rename)
    #expect(try Program.run(name).lines.first?.hasPrefix("\(name) (\(first.id))") == true)
    let second = try Python(rename)
    let two = try Program.run(name)
    #expect(two.status == 1)
    #expect(two.errors.hasPrefix("fdwatch: 2 processes are called '\(name)'"))
    for python in [first, second] {
      #expect(two.errors.contains("\n  \(python.id)  "))
    }
    #expect(two.output == "")
  }

  @Test func aProcessThatIsNotThere() throws {
    let python = try Python("")
    try python.end()
    let outcome = try Program.run("\(python.id)")
    #expect(outcome.status == 1)
    #expect(outcome.errors == "fdwatch: there is no process \(python.id)\n")
  }

  @Test(arguments: [
    [], ["1", "2"], ["1", "--unit", "x"], ["1", "--user"], ["1", "--interval", "soon"], ["1", "--count", "3"],
    ["1", "--interval", "1s", "--count", "0"], ["1", "--fail-on-growth", "1"], ["1", "--color", "mauve"], ["--run"],
    ["--run", "--"], ["1", "--output", "x"], ["1", "--warm-up", "1s"], ["--unit", ""],
    ["1", "--interval", "1s", "--fail-on-growth", "-1"], ["1", "--save", ""], ["1", "--diff", ""],
    ["--output", "", "--run", "true"], ["--run", ""], ["1", "--interval", "0"],
  ])
  func wrongUsage(arguments: [String]) throws {
    let outcome = try Job([Program.path] + arguments).outcome()
    #expect(outcome.status == 64)
    #expect(outcome.errors.hasPrefix("Error: "))
    #expect(outcome.output == "")
  }

  @Test(arguments: [
    (["--run"], "--run needs a command"), (["--run", ""], "--run needs a command"),
    (["1", "--interval", "-1s"], "'-1s' is no time"), (["1", "--interval", "0"], "must be more than 0"),
    (["1", "--interval", "1s", "--count", "-1"], "--count must be at least 1"),
    (["1", "--interval", "1s", "--fail-on-growth", "-1"], "--fail-on-growth must not be negative"),
    (["1", "--save", ""], "a file has a name"),
  ])
  func wrongUsageIsNamed(arguments: [String], message: String) throws {
    #expect(try Job([Program.path] + arguments).outcome().errors.contains(message))
  }

  @Test func helpHasExamplesAndStatuses() throws {
    let outcome = try Program.run("--help")
    #expect(outcome.status == 0)
    for part in ["fdwatch --unit windowd --interval 1s", "EXIT STATUS: 0 done; 1 failed", "--fail-on-growth", "JSON:"] {
      #expect(outcome.output.contains(part), "\(part)")
    }
  }

  @Test func jsonIsOneDocument() throws {
    let python = try Python("keep += socket.socketpair()")
    let outcome = try Program.run("--json", "\(python.id)")
    #expect(outcome.lines.count == 1)
    let document = try JSONDecoder().decode(ReportDocument.self, from: Data(outcome.output.utf8))
    #expect(document.type == "report")
    #expect(document.snapshot?.process.pid == python.id)
    #expect(document.suspects.map(\.rule) == [.pair])
    let expected = try python.snapshot()
    #expect(document.snapshot?.descriptors == expected.descriptors)
  }

  @Test func aSavedSnapshotIsComparedWith() throws {
    let python = try Python("", step: "keep += socket.socketpair()")
    let directory = try TemporaryDirectory()
    let path = directory.file("before.json")
    #expect(try Program.run("\(python.id)", "--save", path).status == 0)
    let same = try Program.run("\(python.id)", "--diff", path, "--fail-on-growth", "0")
    #expect(same.status == 0)
    #expect(same.output.contains("nothing came or went"))
    try python.step(2)
    let grown = try Program.run("\(python.id)", "--diff", path, "--fail-on-growth", "3")
    #expect(grown.status == 2)
    #expect(grown.output.contains("+4 unix stream sockets"))
    #expect(grown.output.contains("appeared: 4"))
    #expect(grown.errors == "fdwatch: grew by more than 3: +4 in all, +4 unix stream sockets\n")
    #expect(try Program.run("\(python.id)", "--diff", path, "--fail-on-growth", "4").status == 0)
    let other = try Python("")
    let stranger = try Program.run("\(other.id)", "--diff", path)
    #expect(stranger.output.contains("note: the snapshot is of another process, "))
    let broken = try Program.run("\(python.id)", "--diff", try directory.write("no", to: "broken"))
    #expect(broken.status == 1)
    #expect(broken.errors.hasPrefix("fdwatch: \(directory.file("broken")) is no snapshot"))
  }

  @Test func colorsAreForWhoWantsThem() throws {
    let python = try Python("keep += socket.socketpair()")
    #expect(try Program.run("--color", "always", "\(python.id)").output.contains("\u{1B}[1m"))
    #expect(try !Program.run("--color", "never", "\(python.id)").output.contains("\u{1B}"))
  }

  @Test func foreignTextDoesNotReachTheTerminal() throws {
    let python = try Python(
      """
      ctypes.CDLL(None).prctl(15, b'ev\\x1b[2Jil', 0, 0, 0)
      file = tempfile.NamedTemporaryFile(prefix='x\\x1b]0;y\\x07')
      """)
    for arguments in [["\(python.id)"], ["--json", "\(python.id)"]] {
      let outcome = try Job([Program.path] + arguments).outcome()
      #expect(outcome.status == 0)
      #expect(!outcome.output.contains("\u{1B}"))
    }
    // What several are told apart by is foreign too.
    let other = try Python("ctypes.CDLL(None).prctl(15, b'ev\\x1b[2Jil', 0, 0, 0)")
    let two = try Program.run("ev\u{1B}[2Jil")
    #expect(two.status == 1)
    #expect(two.errors.contains("\(other.id)") && !two.errors.contains("\u{1B}"))
  }

  /// Whether this process may become another user, for whom the program can be started.
  private static let canBeNobody: Bool = {
    guard getuid() == 0 else { return false }
    let tried = try? Job(["setpriv", "--reuid", "65534", "--clear-groups", Program.path, "--version"]).outcome()
    return tried?.status == 0
  }()

  @Test(.enabled(if: canBeNobody)) func anotherUsersProcessIsRefusedWithAWayOut() throws {
    let python = try Python("")
    let outcome = try Job(
      ["setpriv", "--reuid", "65534", "--clear-groups", Program.path, "\(python.id)"]
    ).outcome()
    #expect(outcome.status == 1)
    #expect(outcome.errors.hasPrefix("fdwatch: process \(python.id) ("))
    #expect(outcome.errors.hasSuffix("may not be looked into: run fdwatch as root or as its user\n"))
  }
}
