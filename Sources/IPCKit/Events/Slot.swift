// A place in a loop's table: what has come for it, who waits there, and who is told. Small, because a server has one for
// every connection, silent ones too.

internal import Glibc

/// Why a wait ended.
enum Wake: Sendable {
  case ready
  case deadline
  case cancelled
}

/// What a wait is for. A place has at most one wait of a kind.
enum Interest: Int, Sendable {
  case read
  case write
  case hangup
}

/// Names one wait for ever: a place is used again, its ticket never is.
struct WaitKey: Sendable {
  let slot: Int32
  let ticket: UInt32
  let interest: Interest
}

/// A wait of one kind.
@safe struct Wait {
  /// The task that waits; nil between the reservation and the suspension, and once it is to go on.
  var job: UnownedJob?
  /// 0 while nobody waits.
  var ticket: UInt32 = 0
  /// Where its deadline stands in the heap, -1 without one.
  var timer: Int32 = -1
}

/// Who hears of a place's events without waiting for them: called on the loop, between jobs.
class EventReceiver {
  /// Something came: epoll(7)'s events.
  func ready(_ token: UnsafeMutableRawPointer, _ events: UInt32) {}
  /// The deadline that was set for an interest has passed.
  func expired(_ token: UnsafeMutableRawPointer, _ interest: Interest) {}
  /// The jobs of a turn have run; for who asked for it with ``LoopCore/deferred``.
  func turnEnded(_ token: UnsafeMutableRawPointer) {}
}

/// A place.
@safe struct Slot {
  /// Who is told of what comes; nil where tasks wait.
  @safe struct Target {
    private let receiver: Unmanaged<EventReceiver>
    let token: UnsafeMutableRawPointer

    /// The receiver is not held: it unregisters before it ends.
    init(receiver: EventReceiver, token: UnsafeMutableRawPointer) {
      unsafe self.receiver = .passUnretained(receiver)
      unsafe self.token = token
    }

    /// Calls the receiver, which lives as long as its registration.
    @inline(__always)
    func tell(_ body: (EventReceiver, UnsafeMutableRawPointer) -> Void) {
      unsafe receiver._withUnsafeGuaranteedRef { unsafe body($0, token) }
    }
  }

  // In an order that leaves no holes: there is one of these for every silent peer.
  var target: Target?
  var waits = InlineArray<3, Wait>(repeating: Wait())
  /// Tells this use of the place from an earlier one, whose events may still come.
  var generation: UInt32 = 0
  var lastTicket: UInt32 = 0
  /// Why a wait has ended; nil until then, and once its task knows.
  var outcomes = InlineArray<3, Wake?>(repeating: nil)
  /// What came while nobody waited for it: seen once, because a terminal that was hung up can be opened again.
  var isReadable = false
  var isWritable = false
  /// Stays: a connection that was hung up never comes back.
  var isHungUp = false
  /// Whether who waited there has heard of it already, and of nothing since.
  var wasToldOfHangup = false
  /// Whether the kernel tells of room to write: only once somebody had to wait for it, or every read of a peer's would
  /// wake the loop.
  var isArmedForWriting = false
}

extension Slot {
  /// While it is free: the next free place. A free place has no deadline, whose field this is.
  var nextFree: Int32 {
    get { waits[0].timer }
    set { waits[0].timer = newValue }
  }
}
