// What a server has done so far, readable at any time from any thread.

internal import Synchronization

/// Counts of a running server.
///
/// ```swift
/// let server = Server(try UnixListener(binding: "/run/example.sock"), on: try EventLoop())
/// let counters = server.counters
/// // … later, on any thread:
/// print(counters.open, counters.accepted)
/// ```
public final class ServerCounters: Sendable {
  enum Count: Int {
    case accepted, open, bytesReceived, bytesSent, frames, deadlines, failed
    case refusedByPolicy, refusedByCrowd, refusedByUser, refusedByDescriptors
  }

  /// Memory for a number of each kind, apart from this object: so that counting does not go through it.
  @safe struct Cells: @unchecked Sendable {
    private static let count = Count.refusedByDescriptors.rawValue + 1
    private let base: UnsafeMutablePointer<Atomic<Int>>

    init() {
      unsafe base = .allocate(capacity: Self.count)
      // As many as there are kinds.
      for kind in 0..<Self.count { unsafe (base + kind).initialize(to: Atomic(0)) }
    }

    func free() {
      unsafe base.deinitialize(count: Self.count)
      unsafe base.deallocate()
    }

    /// Written by one thread alone, the loop's: so a plain load and a plain store add up.
    @inline(__always)
    func add(_ count: Count, _ number: Int = 1) {
      let value = self[count]
      unsafe base[count.rawValue].store(value &+ number, ordering: .relaxed)
    }

    @inline(__always)
    subscript(_ count: Count) -> Int { unsafe base[count.rawValue].load(ordering: .relaxed) }
  }

  /// A loop's each, because one thread alone may count in them.
  private let cells: [Cells]

  init(loops: Int) { cells = (0..<loops).map { _ in Cells() } }

  deinit { for cells in cells { cells.free() } }

  /// Where a loop counts: valid as long as this.
  func cells(of loop: Int) -> Cells { cells[loop] }

  private subscript(_ count: Count) -> Int { cells.reduce(0) { $0 + $1[count] } }

  /// How many connections were accepted, those that were refused then included.
  public var accepted: Int { self[.accepted] }
  /// How many there are now.
  public var open: Int { self[.open] }
  /// How many there are now on each of the server's loops, its own first.
  public var openOnEachLoop: [Int] { cells.map { $0[.open] } }
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
