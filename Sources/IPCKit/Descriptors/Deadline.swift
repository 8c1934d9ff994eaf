// A point in time by which something must be done. A duration would start again at every retry; a deadline does not.

internal import CIPCShim

/// The moment, on the monotonic clock, at which an operation stops waiting.
///
/// One deadline serves a whole conversation: however many reads and writes it takes, they end together.
///
/// ```swift
/// let deadline = Deadline.after(.seconds(5))
/// let stream = try UnixStream(connectingTo: "/run/example.sock", deadline: deadline)
/// ```
public struct Deadline: Hashable, Sendable, Comparable {
  /// CLOCK_MONOTONIC, in nanoseconds.
  package let nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// Waits for as long as it takes.
  public static let never = Deadline(nanoseconds: .max)

  /// The moment that is `duration` from now, to the nanosecond; a negative duration has passed already.
  ///
  /// Reads the clock: clock_gettime(2) with CLOCK_MONOTONIC, which does not run while the machine is suspended.
  public static func after(_ duration: Duration) -> Deadline {
    Deadline(nanoseconds: ipc_monotonic_now()).advanced(by: duration)
  }

  /// The moment that is `duration` later.
  package func advanced(by duration: Duration) -> Deadline {
    let (seconds, attoseconds) = duration.components
    let (whole, over) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (exact, above) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
    let (sum, beyond) = nanoseconds.addingReportingOverflow(exact)
    guard !over && !above && !beyond else { return duration < .zero ? Deadline(nanoseconds: 0) : .never }
    return Deadline(nanoseconds: max(0, sum))
  }

  /// Whether the moment is over.
  public var hasPassed: Bool { self != .never && remainingNanoseconds == 0 }

  /// What is left for a system call: never below 0; -1, "for ever" to the shim, without a deadline.
  package var remainingNanoseconds: Int64 {
    self == .never ? -1 : max(0, nanoseconds - ipc_monotonic_now())
  }

  /// Earlier is less.
  public static func < (left: Deadline, right: Deadline) -> Bool { left.nanoseconds < right.nanoseconds }
}
