// One process, looked at again and again: never the next one that gets its number, and never in the middle of its end.

internal import Glibc
internal import IPCKit

/// Takes snapshots of one process.
final class Sampler {
  let processID: Int32
  private let process: ProcessHandle
  private let startTime: UInt64
  /// How long it took to look into all other processes, the last time.
  private var searchTime = Duration.zero

  /// - Throws: when there is no such process.
  init(_ processID: Int32) throws(WatchFailure) {
    process = try Self.handle(processID)
    startTime = try Self.startTime(processID)
    self.processID = processID
  }

  private static func handle(_ processID: Int32) throws(WatchFailure) -> ProcessHandle {
    do throws(SystemError) {
      return try ProcessHandle(processID: processID)
    } catch {
      // A number that none has is invalid to the kernel.
      if error.errno == EINVAL { throw WatchFailure("there is no process \(processID)") }
      throw WatchFailure(error, lookingAt: processID)
    }
  }

  private static func startTime(_ processID: Int32) throws(WatchFailure) -> UInt64 {
    do throws(SystemError) {
      return try ProcessDescription(processID: processID).startTime
    } catch {
      throw WatchFailure(error, lookingAt: processID)
    }
  }

  /// What it holds now; nil when it has ended, or is about to.
  ///
  /// Other processes are looked into as long as that takes less than a tenth of `interval`.
  func snapshot(every interval: Duration? = nil) throws(WatchFailure) -> Snapshot? {
    let isWorthIt = interval.map { searchTime * 10 < $0 } ?? true
    let clock = ContinuousClock()
    let start = clock.now
    let found: Snapshot
    do throws(SystemError) {
      found = try Snapshot(processID: processID, findingOtherEnds: isWorthIt)
    } catch {
      if (try? process.hasEnded) == true || error.errno == ESRCH { return nil }
      throw WatchFailure(error, lookingAt: processID)
    }
    // Where it was left out, it may become worth it: the machine may be less busy.
    searchTime = isWorthIt ? start.duration(to: clock.now) : searchTime * 9 / 10
    let hasEnded: Bool
    do throws(SystemError) { hasEnded = try process.hasEnded } catch {
      throw WatchFailure(error, lookingAt: processID)
    }
    // A process that ends has let go of everything before anybody hears of it.
    guard !hasEnded, !ProcessState.isEnding(processID), found.process.startTime == startTime else { return nil }
    return found
  }
}
