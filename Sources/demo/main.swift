// The leak story, told again with numbers: a daemon's descriptors while it is idle, with windows, without them, and after
// a thousand cycles of which a third go wrong. What it finds left over, it names, and fails.

internal import ArgumentParser
internal import Glibc
internal import IPCKit
internal import WindowProtocol

/// Prints a line at once, also into a pipe.
func say(_ text: String, end: String = "\n") {
  print(text, terminator: end)
  fflush(nil)
}

func census(of daemon: Daemon, _ label: String, windows: Int = 0) throws -> DescriptorCensus {
  let census = try daemon.census(windows: windows)
  let kinds = census.kinds.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
  say("\(label.padded(to: 26)) \(String(census.count).padded(to: 4)) (\(kinds))")
  return census
}

func tell(in daemon: Daemon) throws -> Int32 {
  say("descriptors of windowd, process \(daemon.processID):")
  let idle = try census(of: daemon, "idle")

  var windows: [String] = []
  for _ in 0..<5 { windows.append(try daemon.windowctl("create-window", "-e", "sleep", "1000")) }
  let open = try census(of: daemon, "with 5 windows", windows: 5)
  for window in windows { _ = try daemon.windowctl("close-window", window) }
  _ = try census(of: daemon, "closed")
  say("a window costs \((open.count - idle.count) / 5) descriptors, its terminal and its child")

  let cycles = 1000
  let isTerminal = isatty(STDOUT_FILENO) == 1
  for cycle in 1...cycles {
    try Cycle(number: cycle).run(against: daemon)
    if isTerminal, cycle % 20 == 0 { say("\r\(cycle) of \(cycles) cycles", end: "") }
    if !isTerminal, cycle % 250 == 0 { say("\(cycle) of \(cycles) cycles") }
  }
  if isTerminal { say("\r\u{1B}[K", end: "") }
  let after = try census(of: daemon, "after \(cycles) cycles")

  let left = after.targets.filter { idle.targets[$0.key] == nil }
  for (kind, count) in after.kinds.sorted(by: { $0.key < $1.key }) where count > idle.kinds[kind, default: 0] {
    say("left: \(count - idle.kinds[kind, default: 0]) \(kind)")
  }
  for (number, target) in left.sorted(by: { $0.key < $1.key }) { say("left: \(number) -> \(target)") }
  say("leaked: \(left.count)")
  return left.isEmpty && after.kinds == idle.kinds ? 0 : 1
}

/// Clears up when the demo is told to end before it has ended.
func clearOnSignal(_ remains: Daemon.Remains, _ signals: sigset_t) {
  Task.detached {
    var (signals, number) = (signals, Int32(0))
    // Both variables are valid for the length of the call, which waits on a thread that nobody else needs.
    unsafe sigwait(&signals, &number)
    remains.clear()
    exit(128 + number)
  }
}

extension String {
  /// Filled with spaces up to a width.
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

/// The command line of demo.
struct Demo: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Counts a windowd's descriptors through a thousand cycles, a third of which go wrong.",
    discussion: """
      Starts the windowd that stands beside it. Exit status: 0 nothing is left open; 1 something is, or the demo failed, \
      with a message; 64 wrong usage.
      """)

  func run() throws {
    var status = ExitCode.failure
    do { status = ExitCode(try Self.tellWithDaemon()) } catch { say("demo: \(error)") }
    throw status
  }

  /// Tells the story of a daemon that it starts and ends; the exit status.
  private static func tellWithDaemon() throws -> Int32 {
    // Blocked before there is a second thread, so that none of them is ended by a signal.
    var signals = sigset_t()
    // The set is valid for the length of each call.
    unsafe sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP] { unsafe sigaddset(&signals, number) }
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)

    let daemon = try Daemon()
    clearOnSignal(daemon.remains, signals)
    defer { daemon.remains.clear() }
    return try tell(in: daemon)
  }
}

Demo.main()
