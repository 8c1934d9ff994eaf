// A watch from its first sample to its report.

internal import Glibc
internal import IPCKit
internal import TerminalText

/// What fdwatch does, once it knows what is wanted.
package enum Watch {
  /// Does it.
  /// - Returns: the exit status: 0, or 2 for too much growth, or that of the command that was run.
  package static func run(_ options: WatchOptions) throws(WatchFailure) -> Int32 {
    // Before any thread or descriptor: a number that is free would be the next file's.
    try? StandardStreams.ensureOpen()
    let compared: Snapshot? = if let path = options.comparedPath { try SnapshotFile.read(from: path) } else { nil }
    if let path = options.savePath { try SnapshotFile.check(path) }
    guard options.interval != nil || !options.command.isEmpty else { return try look(options, compared) }
    let loop: EventLoop
    do throws(SystemError) { loop = try EventLoop() } catch { throw WatchFailure("\(error)") }
    return try loop.run { () async throws(WatchFailure) in try await watch(options, compared, on: loop) }
  }

  /// A single look.
  private static func look(_ options: WatchOptions, _ compared: Snapshot?) throws(WatchFailure) -> Int32 {
    guard let target = options.target else { throw WatchFailure("nothing to look at") }
    let processID = try target.resolve()
    let sampler = try Sampler(processID)
    guard let snapshot = try sampler.snapshot() else { throw WatchFailure("process \(processID) has ended") }
    return Conclusion(Series(snapshot), options, compared).tell()
  }

  nonisolated(nonsending) private static func watch(
    _ options: WatchOptions, _ compared: Snapshot?, on loop: EventLoop
  ) async throws(WatchFailure) -> Int32 {
    guard options.command.isEmpty else {
      return try await CommandWatch.run(options, compared, on: loop)
    }
    guard let target = options.target, let interval = options.interval else { throw WatchFailure("nothing to look at") }
    let processID = try target.resolve()
    let samples = Samples(try Sampler(processID), interval, warmUp: options.warmUp)
    guard try samples.take(), let first = samples.series else { throw WatchFailure("process \(processID) has ended") }
    var display = Display(options)
    let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT] + (display.isLive ? [SIGWINCH, SIGTSTP] : [])
    let events = try WatchEvents(signals: signals, on: loop)
    defer { events.cancel() }
    events.begin(processID, every: interval)
    display.begin()
    let ending = await follow(events.stream, samples, &display, options, first)
    display.end()
    if ending.isByWish { samples.finish() }
    guard let series = samples.series else { throw WatchFailure("process \(processID) has ended") }
    var conclusion = Conclusion(series, options, compared)
    conclusion.end = ending.reason
    let status = conclusion.tell()
    guard let failure = ending.failure else { return status }
    OutputStream.complain(failure.message, as: "fdwatch")
    return max(status, 1)
  }

  /// Why a watch is over.
  private enum Ending {
    /// There are enough samples, or a signal has come.
    case wish
    case processEnded
    /// What was seen until then is told all the same.
    case failed(WatchFailure)

    var isByWish: Bool { if case .wish = self { true } else { false } }
    var failure: WatchFailure? { if case .failed(let failure) = self { failure } else { nil } }
    var reason: String? {
      switch self {
      case .wish: nil
      case .processEnded: "the process has ended"
      case .failed(let failure): failure.message
      }
    }
  }

  /// Samples until there are enough, the process has ended, or a signal comes.
  nonisolated(nonsending) private static func follow(
    _ events: AsyncStream<WatchEvent>, _ samples: Samples, _ display: inout Display, _ options: WatchOptions,
    _ first: Series
  ) async -> Ending {
    do throws(WatchFailure) {
      try display.show(first)
      if options.count == 1 { return .wish }
      for await event in events {
        switch event {
        case .sample:
          guard try samples.take(), let series = samples.series else { continue }
          try display.show(series)
          if let count = options.count, samples.taken >= count { return .wish }
        case .signal(let number) where number == SIGWINCH || number == SIGTSTP:
          if number == SIGTSTP { display.pause() }
          if let series = samples.series { try display.show(series) }
        case .signal: return .wish
        case .ended: return .processEnded
        case .failed(let failure): throw failure
        }
      }
      return .wish
    } catch {
      return .failed(error)
    }
  }
}
