// The samples of a watch, from the end of the warm-up on: what a process opens while it begins is no leak.

internal import IPCKit

/// Takes samples and keeps what is judged.
final class Samples {
  private let sampler: Sampler
  private let interval: Duration
  private let warmUp: Duration
  private let start = ContinuousClock.now
  private var firstTime = Duration.zero
  /// Those since the warm-up; before it is over, the last one alone. Nil before the first.
  private(set) var series: Series?
  /// Whether the warm-up is over.
  private(set) var isWarm = false
  /// How many were taken, those of the warm-up included.
  private(set) var taken = 0

  init(_ sampler: Sampler, _ interval: Duration, warmUp: Duration) {
    self.sampler = sampler
    self.interval = interval
    self.warmUp = warmUp
  }

  /// Looks for the other ends of what the last sample has, where there was no time for that.
  func finish() {
    // A process that cannot be looked into any more leaves what was learnt before.
    guard series?.last.processesOutOfSight == nil, let snapshot = try? sampler.snapshot() else { return }
    series?.learnEnds(from: snapshot)
  }

  /// Takes one; false when the process has ended, or is about to.
  func take() throws(WatchFailure) -> Bool {
    guard let snapshot = try sampler.snapshot(every: interval) else { return false }
    let time = start.duration(to: .now)
    taken += 1
    if isWarm {
      series?.add(snapshot, at: time - firstTime)
    } else {
      series = Series(snapshot)
      firstTime = time
      isWarm = time >= warmUp
    }
    return true
  }
}
