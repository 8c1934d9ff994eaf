// fdwatch over time: samples as lines and as a page, until the count, the signal or the process's end.

internal import DescriptorWatch
internal import FoundationEssentials
internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing

@Suite(.leakFree) struct WatchTests {
  /// A process that leaves a pair behind a hundred times a second.
  private func leaking() throws -> Python {
    try Python(
      """
      import threading
      def leak():
        while len(keep) < 5000:
          keep.append(socket.socketpair())
          time.sleep(0.005)
      threading.Thread(target=leak, daemon=True).start()
      """)
  }

  @Test func linesThenTheReport() throws {
    let python = try leaking()
    let outcome = try Program.run("\(python.id)", "--interval", "1s", "--count", "4")
    #expect(outcome.status == 0)
    let samples = outcome.lines.prefix(4)
    #expect(samples.first?.hasPrefix("0 s  ") == true)
    #expect(samples.last.map { $0.contains(" descriptors (+") && $0.contains("unix stream socket +") } == true)
    #expect(outcome.lines.count { $0.contains(" s  ") && $0.contains(" descriptors") } == 4)
    #expect(outcome.output.contains("grows ("))
    #expect(outcome.output.contains("new: socketpair "))
    #expect(outcome.output.contains("4 samples in "))
  }

  @Test func jsonLinesThenTheReport() throws {
    let python = try leaking()
    let outcome = try Program.run(
      "\(python.id)", "--interval", "1s", "--count", "3", "--json", "--fail-on-growth", "1")
    #expect(outcome.status == 2)
    #expect(outcome.lines.count == 4)
    struct Line: Decodable {
      let type: String
      let total: Int?
      let seconds: Double
      let kinds: [String: Int]?
    }
    let lines = try outcome.lines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    #expect(lines.map(\.type) == ["sample", "sample", "sample", "report"])
    #expect(lines[0].seconds == 0)
    #expect(
      lines[2].kinds?["unix stream socket", default: 0] ?? 0 > lines[0].kinds?["unix stream socket", default: 0] ?? 0)
    let report = try JSONDecoder().decode(ReportDocument.self, from: Data((outcome.lines.last ?? "").utf8))
    #expect(report.samples == 3)
    #expect(report.suspects.first?.rule == .grows)
    #expect(report.failure?.hasPrefix("grew by more than 1: +") == true)
    #expect(report.growth["unix stream socket", default: 0] > 1)
  }

  @Test func whatDoesNotGrowPasses() throws {
    let python = try Python("keep += socket.socketpair()")
    let outcome = try Program.run("\(python.id)", "--interval", "20ms", "--count", "5", "--fail-on-growth", "0")
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("as many of each kind"))
    #expect(outcome.output.contains("nothing queued for 5 samples"))
  }

  @Test func theEndOfTheProcessIsTold() throws {
    let python = try Python("keep += socket.socketpair()")
    let job = try Job([Program.path, "\(python.id)", "--interval", "1h"])
    #expect(job.prints("0 s  "))
    try python.end()
    let outcome = try job.outcome()
    #expect(outcome.status == 0)
    #expect(outcome.lines.last == "the process has ended")
    // What it held when it lived.
    #expect(outcome.output.contains("unix stream socket: 2"))
  }

  @Test(arguments: [SIGINT, SIGTERM]) func aSignalEndsWithTheReport(number: Int32) throws {
    let python = try Python("")
    let job = try Job([Program.path, "\(python.id)", "--interval", "50ms"])
    #expect(job.prints(" s  ", times: 2))
    job.signal(number)
    let outcome = try job.outcome()
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("suspects: none"))
  }

  @Test func aPageIsDrawnAndTheTerminalGivenBack() throws {
    let python = try leaking()
    let screen = try Screen("\(python.id)", "--interval", "50ms")
    #expect(screen.shows("\u{1B}[?1049h\u{1B}[?25l"))
    #expect(screen.shows(" samples, one every 50 ms"))
    #expect(screen.shows("█"))
    #expect(screen.shows("grows ("))
    screen.signal(SIGTERM)
    #expect(try screen.status() == 0)
    let end = screen.text.components(separatedBy: "\u{1B}[?1049l")
    #expect(end.count == 2)
    #expect(end.first?.hasSuffix("\u{1B}[?7h\u{1B}[?25h") == true)
    #expect(end.last?.contains("new: socketpair ") == true)
    #expect(end.last?.contains("\u{1B}[1msuspects") == true)
  }

  @Test func theKeyEndsIt() throws {
    let python = try Python("")
    let screen = try Screen("\(python.id)", "--interval", "1h")
    #expect(screen.shows("^C ends"))
    try screen.type("\u{3}")
    #expect(try screen.status() == 0)
    #expect(screen.text.contains("\u{1B}[?25h"))
  }

  @Test func aPageFollowsTheTerminalsSize() throws {
    let python = try Python("")
    let screen = try Screen("\(python.id)", "--interval", "1h", columns: 100)
    #expect(screen.shows("^C ends"))
    #expect(screen.shows("\u{1B}[?2026l"))
    let before = screen.text.count
    screen.resize(columns: 30, rows: 10)
    #expect(eventually { screen.text.dropFirst(before).contains("\u{1B}[?2026l") })
    // The terminal makes a line's end of its own of each.
    let page = String(String.UnicodeScalarView(screen.text.unicodeScalars.filter { $0 != "\r" }))
    let last = page.components(separatedBy: "\u{1B}[H").last ?? ""
    let shown = last.replacing(/\u{1B}\[[0-9;?]*[A-Za-z]/, with: "").split(separator: "\n")
    #expect(shown.count > 3)
    #expect(shown.allSatisfy { $0.count <= 30 }, "\(shown)")
    screen.signal(SIGINT)
    #expect(try screen.status() == 0)
  }

  @Test(arguments: [["NO_COLOR": "1"], ["TERM": "dumb"]]) func noColors(environment: [String: String]) throws {
    let python = try Python("keep += socket.socketpair()")
    let screen = try Screen("\(python.id)", environment: environment.mapValues { $0 })
    #expect(try screen.status() == 0)
    #expect(screen.text.contains("suspects"))
    #expect(!screen.text.contains("\u{1B}"))
    let colored = try Screen("\(python.id)", environment: ["NO_COLOR": ""])
    #expect(try colored.status() == 0)
    #expect(colored.text.contains("\u{1B}[1msuspects"))
  }

  @Test func aStoppedWatchGivesTheTerminalBackMeanwhile() throws {
    let python = try Python("")
    let screen = try Screen("\(python.id)", "--interval", "1h")
    #expect(screen.shows("^C ends"))
    screen.signal(SIGTSTP)
    #expect(screen.shows("\u{1B}[?1049l"))
    #expect(eventually { screen.isStopped })
    let before = screen.text.count
    screen.signal(SIGCONT)
    #expect(eventually { screen.text.dropFirst(before).contains("^C ends") })
    screen.signal(SIGINT)
    #expect(try screen.status() == 0)
  }
}
