// fdwatch: shows what descriptors a process holds, and names what leaks. This file is its command line; what it does is in
// DescriptorWatch.

internal import ArgumentParser
internal import DescriptorWatch
internal import Glibc
internal import TerminalText

/// The command line of fdwatch.
struct Fdwatch: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fdwatch",
    abstract: "Shows what descriptors a process holds, and names what leaks.",
    usage: """
      fdwatch [<options>] <process>
      fdwatch [<options>] --unit <unit> [--user]
      fdwatch [<options>] --run <command> [<argument> ...]
      """,
    discussion: """
      Suspects come first: what grows with every sample, ends with nobody at the other end, epoll registrations that were left \
      behind, pairs that nobody uses, deleted files, files that are open many times, and what other programs would \
      inherit. Each is possible, likely or certain; only time tells a leak from what is kept on purpose, so watch with \
      --interval.

      EXAMPLES:
        fdwatch 4711                               what process 4711 holds
        fdwatch --unit windowd --interval 1s       how it changes, until ^C
        fdwatch windowd --interval 1s --count 10   ten samples, then the report
        fdwatch 4711 --save before.json            keep what it holds now
        fdwatch 4711 --diff before.json            what came and went since
        fdwatch --fail-on-growth 3 --run ./test    fail when more than three are left
        fdwatch --fail-on-growth 3 --warm-up 0 --interval 20ms --run ./short

      JSON: an object with "type": "report", "snapshot" (as --save writes it: "process", "descriptors", "missed", \
      "processesOutOfSight"), "suspects" ("rule", "confidence", "reason", "numbers", "growth"), "growth" by kind, \
      how many "samples" were judged in how many "seconds", how many descriptors there were at "first", and "difference", \
      "end", "note" (what could not be judged) and "failure" (what grew too much) where they apply. With --interval, \
      lines of "type": "sample" come before it: "time", "seconds", "total", "kinds"; with --run the report comes alone. \
      --diff takes either, as long as the report is the last line.

      TIMES: 500ms, 1s, 2m; us, min and h too. A bare number is seconds.

      Growth is what comes between the first sample after the warm-up and the last one, and takes two samples at least: \
      a run that has fewer fails with --fail-on-growth. For a command that takes less than a second or two, leave the \
      warm-up out with --warm-up 0, and take samples more often.

      A command that is run is in a session of its own: SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 are \
      handed on to it, SIGTSTP is not, and when fdwatch itself is killed by SIGKILL, the command goes on. What it leaves \
      open is what it had at its last sample.

      EXIT STATUS: 0 done; 1 failed, with a message; 2 more growth than --fail-on-growth allows; 64 wrong usage. With \
      --run that of the command, 128+n for a signal, unless it grew: 2; or could not be judged or saved: 1 instead of 0. \
      A command's own 1, 2 and 64 look the same; a report that cannot be written is told and changes no status.
      """,
    version: ProgramVersion.current)

  @Argument(help: "The process: its number, or its name if no other has it.", completion: .processes)
  var process: String?

  @Option(help: "Look at the main process of this systemd unit.", completion: .units)
  var unit: String?

  @Flag(help: "The unit is of the user's own service manager.")
  var user = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Take a sample this often: 500ms, 1s, 2m. [default: a single look; 200ms with --run]", valueName: "time"),
    transform: Self.interval)
  var interval: Duration?

  @Option(parsing: .unconditional, help: "End after so many samples. [default: at the process's end, or ^C]")
  var count: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Judge growth from this time on: what is opened before is no leak. [default: 0; 1s with --run]", valueName: "time"
    ),
    transform: Self.duration)
  var warmUp: Duration?

  @Option(help: ArgumentHelp("Write the last snapshot to this file.", valueName: "file"), completion: .file())
  var save: String?

  @Option(help: ArgumentHelp("Compare with the snapshot in this file.", valueName: "file"), completion: .file())
  var diff: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Exit with 2 when all descriptors, or those of a kind, have become more by more than this.", valueName: "number"))
  var failOnGrowth: Int?

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(help: "Show long groups whole.")
  var all = false

  @Option(
    help: "Colours: auto, always or never. auto heeds $NO_COLOR.", completion: .list(["auto", "always", "never"]))
  var color = "auto"

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Write the report of --run to this file. [default: standard error]", valueName: "file"),
    completion: .file())
  var output: String?

  @Option(
    name: .customLong("run"), parsing: .remaining,
    help: ArgumentHelp("Run the rest of the command line, and look at it until it ends.", valueName: "command"),
    completion: .programs)
  var rest: [String] = []

  private var command: [String] { rest.first == "--" ? Array(rest.dropFirst()) : rest }

  private static func duration(_ text: String) throws -> Duration {
    guard let duration = WatchOptions.duration(text) else {
      throw ValidationError("'\(DisplayText.escaped(text))' is no time: 500ms, 1s, 2m, 1h")
    }
    return duration
  }

  private static func interval(_ text: String) throws -> Duration {
    let interval = try duration(text)
    guard interval > .zero else { throw ValidationError("the time between samples must be more than 0") }
    return interval
  }

  func validate() throws {
    if rest.isEmpty, CommandLine.arguments.dropFirst().last == "--run" {
      throw ValidationError("--run needs a command")
    }
    let ways = [process != nil, unit != nil, !rest.isEmpty].count { $0 }
    guard ways == 1 else { throw ValidationError("give one of a process, --unit and --run") }
    guard rest.isEmpty || command.first?.isEmpty == false else { throw ValidationError("--run needs a command") }
    guard !user || unit != nil else { throw ValidationError("--user goes with --unit") }
    guard process != "" && unit != "" else { throw ValidationError("a process has a number or a name") }
    guard save != "", output != "", diff != "" else { throw ValidationError("a file has a name") }
    guard output == nil || !rest.isEmpty else { throw ValidationError("--output goes with --run") }
    let isWatching = interval != nil || !rest.isEmpty
    guard warmUp == nil || isWatching else { throw ValidationError("--warm-up goes with --interval or --run") }
    guard count == nil || (interval != nil && rest.isEmpty) else {
      throw ValidationError("--count goes with --interval")
    }
    if let count, count < 1 { throw ValidationError("--count must be at least 1") }
    if let failOnGrowth, failOnGrowth < 0 { throw ValidationError("--fail-on-growth must not be negative") }
    guard failOnGrowth == nil || isWatching || diff != nil else {
      throw ValidationError("--fail-on-growth goes with --interval, --run or --diff")
    }
    guard Style.Wish(rawValue: color) != nil else { throw ValidationError("--color is auto, always or never") }
  }

  private var options: WatchOptions {
    var options = WatchOptions()
    options.target = unit.map { .unit($0, isUsers: user) } ?? process.map { Target(argument: $0) }
    options.command = command
    options.interval = interval
    options.count = count
    options.warmUp = warmUp ?? (rest.isEmpty ? .zero : .seconds(1))
    options.savePath = save
    options.comparedPath = diff
    options.isJSON = json
    options.growthLimit = failOnGrowth
    options.showsAll = all
    options.color = Style.Wish(rawValue: color) ?? .auto
    options.reportPath = output
    return options
  }

  func run() throws {
    let status: Int32
    do throws(WatchFailure) {
      status = try Watch.run(options)
    } catch {
      OutputStream.complain(error.message, as: "fdwatch")
      for line in error.details { try? OutputStream.errors.write(Array("  \(DisplayText.escaped(line))\n".utf8)) }
      status = 1
    }
    if status != 0 { throw ExitCode(status) }
  }
}

if let problem = CommandLineCheck.problem {
  Fdwatch.exit(withError: ValidationError(problem))
}
Fdwatch.main()
