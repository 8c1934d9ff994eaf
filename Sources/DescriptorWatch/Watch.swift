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
    guard options.interval != nil || !options.command.isEmpty else { return try look(options, compared) }
    let loop: EventLoop
    do throws(SystemError) { loop = try EventLoop() } catch { throw WatchFailure("\(error)") }
    return try loop.run { () async -> Result<Int32, WatchFailure> in
      do throws(WatchFailure) {
        return .success(try await watch(options, compared, on: loop))
      } catch {
        return .failure(error)
      }
    }.get()
  }

  /// A single look.
  private static func look(_ options: WatchOptions, _ compared: Snapshot?) throws(WatchFailure) -> Int32 {
    guard let target = options.target else { throw WatchFailure("nothing to look at") }
    let processID = try target.resolve()
    let sampler = try Sampler(processID)
    guard let snapshot = try sampler.snapshot() else { throw WatchFailure("process \(processID) has ended") }
    var conclusion = Conclusion(Series(snapshot), options, compared)
    return try conclusion.tell()
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
    let events = WatchEvents(signals: signals, on: loop)
    defer { events.cancel() }
    events.begin(processID, every: interval)
    display.begin()
    let outcome = await follow(events.stream, samples, &display, options, first)
    display.end()
    let end = try outcome.get()
    if end == nil { try samples.finish() }
    guard let series = samples.series else { throw WatchFailure("process \(processID) has ended") }
    var conclusion = Conclusion(series, options, compared)
    conclusion.end = end
    return try conclusion.tell()
  }

  /// Samples until there are enough, the process has ended, or a signal comes.
  /// - Returns: how the process ended, if it did.
  nonisolated(nonsending) private static func follow(
    _ events: AsyncStream<WatchEvent>, _ samples: Samples, _ display: inout Display, _ options: WatchOptions,
    _ first: Series
  ) async -> Result<String?, WatchFailure> {
    do throws(WatchFailure) {
      try display.show(first)
      if options.count == 1 { return .success(nil) }
      for await event in events {
        switch event {
        case .sample:
          guard try samples.take(), let series = samples.series else { continue }
          try display.show(series)
          if let count = options.count, samples.taken >= count { return .success(nil) }
        case .signal(let number) where number == SIGWINCH || number == SIGTSTP:
          if number == SIGTSTP { display.pause() }
          if let series = samples.series { try display.show(series) }
        case .signal: return .success(nil)
        case .ended: return .success("the process has ended")
        case .failed(let failure): throw failure
        }
      }
      return .success(nil)
    } catch {
      return .failure(error)
    }
  }
}
