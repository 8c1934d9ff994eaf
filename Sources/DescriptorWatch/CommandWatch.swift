// A command from its start to its end: what it holds is looked at as long as it lives, and its exit status handed on.

internal import Glibc
internal import IPCKit
internal import TerminalText

/// `fdwatch --run`.
enum CommandWatch {
  /// What is handed on to the command and its process group, which are in a session of their own.
  private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH]

  /// Runs the command to its end.
  /// - Returns: its exit status, 128 and the number for a signal; 2 when it grew too much; 1 instead of 0 when it could
  ///   not be judged or its snapshot not be saved.
  nonisolated(nonsending) static func run(
    _ options: WatchOptions, _ compared: Snapshot?, on loop: EventLoop
  ) async throws(WatchFailure) -> Int32 {
    // Nothing is run whose report could not be kept.
    let report: ReportFile? = if let path = options.reportPath { try ReportFile(path) } else { nil }
    // The command must not be left behind because nobody reads the report.
    _ = signal(SIGPIPE, SIG_IGN)
    // Before there is a command that a signal would have to reach.
    let events = try WatchEvents(signals: signals, on: loop)
    defer { events.cancel() }
    let child = try await start(options.command, on: loop)
    let interval = options.interval ?? .milliseconds(200)
    events.begin(child.process.processID, every: interval)
    let watched = await follow(child, events, interval, options)
    return conclude(watched, await child.exit(), options, compared, report)
  }

  /// A child cannot be in a result, but what owns it can. The loop's thread alone uses it.
  private final class Child: @unchecked Sendable {
    let process: ChildProcess
    private var status: ExitStatus?
    init(_ process: consuming ChildProcess) { self.process = process }

    /// Suspends until it has ended, and reaps it.
    nonisolated(nonsending) func exit() async -> ExitStatus {
      if let status { return status }
      let ended = await process.exit()
      status = ended
      return ended
    }
  }

  nonisolated(nonsending) private static func start(
    _ arguments: [String], on loop: EventLoop
  ) async throws(WatchFailure) -> Child {
    var descriptors = ChildDescriptors()
    for number: Int32 in 0...2 { descriptors.inherit(number) }
    let command = Command(arguments: arguments, environment: .inherited)
    do throws(IPCError) {
      return Child(try await command.start(with: descriptors, on: loop))
    } catch {
      throw WatchFailure("\(error)")
    }
  }

  /// What became of the samples.
  private struct Watched {
    var samples: Samples?
    var trouble: WatchFailure?

    /// Takes one, and no more once one has failed.
    mutating func sample(_ processID: Int32, _ interval: Duration, _ warmUp: Duration) {
      guard trouble == nil else { return }
      do throws(WatchFailure) {
        let samples = if let samples { samples } else { Samples(try Sampler(processID), interval, warmUp: warmUp) }
        self.samples = samples
        _ = try samples.take()
      } catch {
        trouble = error
      }
    }
  }

  /// Samples until the command has ended; what goes wrong with that does not touch the command.
  nonisolated(nonsending) private static func follow(
    _ child: Child, _ events: WatchEvents, _ interval: Duration, _ options: WatchOptions
  ) async -> Watched {
    var watched = Watched()
    var isAwaited = false
    let processID = child.process.processID
    watched.sample(processID, interval, options.warmUp)
    for await event in events.stream {
      switch event {
      case .sample: watched.sample(processID, interval, options.warmUp)
      case .signal(let number): child.process.signalGroup(number)
      case .ended: return watched
      case .failed(let failure):
        // Nothing is looked at any more, and the end may be what nobody would tell of; signals are still handed on.
        if !isAwaited { events.awaitEnd { _ = await child.exit() } }
        isAwaited = true
        watched.trouble = watched.trouble ?? failure
      }
    }
    return watched
  }

  private static func conclude(
    _ watched: Watched, _ status: ExitStatus, _ options: WatchOptions, _ compared: Snapshot?, _ report: ReportFile?
  ) -> Int32 {
    let code: Int32 =
      switch status {
      case .exited(let code): code
      case .signaled(let number): 128 + number
      case .unknown: 125
      }
    var conclusion = Conclusion(watched.samples?.series, options, compared)
    conclusion.end = "the command \(status)"
    if case .signaled = status { conclusion.end = "the command was \(status)" }
    conclusion.trouble = watched.trouble?.message
    conclusion.file = report
    let judgement = conclusion.tell()
    // What was not judged passes no test, but a command that failed has said why.
    return judgement == 2 || code == 0 ? judgement : code
  }
}
