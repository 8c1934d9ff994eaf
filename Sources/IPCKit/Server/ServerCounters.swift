// What a server has done so far, readable at any time from any thread.

internal import Synchronization

/// Counts of a running server.
///
/// ```swift
/// let counters = server.counters
/// // … later, on any thread:
/// print(counters.open, counters.accepted)
/// ```
public final class ServerCounters: Sendable {
  enum Count: Int {
    case accepted, open, bytesReceived, bytesSent, frames, deadlines, failed
    case refusedByPolicy, refusedByCrowd, refusedByUser, refusedByDescriptors
  }

  private let values: InlineArray<11, Atomic<Int>> = InlineArray { _ in Atomic<Int>(0) }

  init() {}

  /// Written by one thread alone, the loop's: so a plain load and a plain store add up.
  @inline(__always)
  func add(_ count: Count, _ number: Int = 1) {
    let value = values[count.rawValue].load(ordering: .relaxed)
    values[count.rawValue].store(value &+ number, ordering: .relaxed)
  }

  subscript(_ count: Count) -> Int { values[count.rawValue].load(ordering: .relaxed) }

  /// How many connections were accepted, those that were refused then included.
  public var accepted: Int { self[.accepted] }
  /// How many there are now.
  public var open: Int { self[.open] }
  /// How many bytes came in.
  public var bytesReceived: Int { self[.bytesReceived] }
  /// How many bytes went out.
  public var bytesSent: Int { self[.bytesSent] }
  /// How many frames were handed out.
  public var frames: Int { self[.frames] }
  /// How many connections ran out of time.
  public var deadlinesPassed: Int { self[.deadlines] }
  /// How many connections ended by an error.
  public var failed: Int { self[.failed] }
  /// How many connections were refused for a reason.
  public func refused(for reason: Server.Refusal) -> Int { self[reason.count] }
}

extension Server.Refusal {
  var count: ServerCounters.Count {
    switch self {
    case .notAllowed: .refusedByPolicy
    case .tooManyConnections: .refusedByCrowd
    case .tooManyOfOneUser: .refusedByUser
    case .noDescriptors: .refusedByDescriptors
    }
  }
}
