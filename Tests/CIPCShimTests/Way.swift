// A handover for the shim's tests, and children that are caught before they do anything with it.

import CIPCShim
import Glibc
import Synchronization
import Testing

/// A handover, for as long as the process of an exit test lives: its descriptors have the low numbers of that process, and
/// a crowd that is not close-on-exec has all that follow.
@safe final class Way: @unchecked Sendable {
  let handover: UnsafeMutablePointer<ipc_handover>

  /// - Parameter crowd: how many descriptors there are after it.
  init(crowd: Int = 200) throws {
    let (receiving, sending) = try makeSocketPair(IPC_SEQPACKET, nonBlocking: true)
    unsafe handover = .allocate(capacity: 1)
    unsafe handover.initialize(
      to: ipc_handover(sending: sending, receiving: receiving, process: getpid(), claim: 0))
    for _ in 0..<crowd { try #require(dup(0) >= 0) }
    unsafe Self.all.append(self)
  }

  /// Each stays until the process ends, because children of it may refer to it until then. One thread makes them, at the
  /// beginning of a test.
  nonisolated(unsafe) private static var all: [Way] = []

  /// Whose descriptors are on their way, as a number; 0 when it is free.
  var claim: UInt {
    // Children and other threads change it, so it is read as the atomic number that it is to the shim.
    let offset = MemoryLayout<ipc_handover>.offset(of: \.claim) ?? 0
    let place = unsafe UnsafeRawPointer(handover) + offset
    return unsafe place.assumingMemoryBound(to: Atomic<UInt>.self).pointee.load(ordering: .acquiring)
  }

  /// Whether descriptors are on their way to a child.
  var isTaken: Bool { claim != 0 }

  /// Whether nothing is in the sockets either.
  var isEmpty: Bool { unsafe ipc_poll(handover.pointee.receiving, IPC_READABLE, 0) == 0 }

  /// Starts a program whose child has not done anything yet when `body` ends. ``keepChildrenWaiting()`` makes that likely,
  /// and here it is tried until it is so.
  /// - Parameter undo: what to do before the next try.
  func startWaiting(
    _ arguments: [String], terminal: Int32, undo: () -> Void = {}, _ body: (Started) throws -> Void
  ) throws -> Started {
    for _ in 0..<500 {
      let started = try start(arguments, terminal: terminal, way: self)
      try body(started)
      if isTaken { return started }
      undo()
      #expect(started.end() != nil)
    }
    throw Unlikely()
  }
}

/// No child was caught, or the C library lacks what it has had for twenty years.
struct Unlikely: Error {}

/// Puts this thread on one processor, and the children that it starts with it: they have their turn when it sleeps.
func keepChildrenWaiting() throws {
  typealias Function = @convention(c) (pid_t, Int, UnsafePointer<UInt64>) -> Int32
  // The symbols are those of sched_getcpu(3) and sched_setaffinity(2), whose types these are; a mask has 1024 bits.
  guard let current = unsafe dlsym(nil, "sched_getcpu"), let symbol = unsafe dlsym(nil, "sched_setaffinity") else {
    throw Unlikely()
  }
  let processor = unsafe unsafeBitCast(current, to: (@convention(c) () -> Int32).self)()
  var mask = [UInt64](repeating: 0, count: 16)
  mask[Int(processor) / 64] |= 1 << (UInt64(processor) % 64)
  #expect(unsafe unsafeBitCast(symbol, to: Function.self)(0, 128, &mask) == 0)
}

/// Leaves another process without room for any new descriptor. prlimit(2).
func leaveNoRoom(in process: pid_t) throws {
  typealias Function = @convention(c) (pid_t, Int32, UnsafePointer<UInt64>, UnsafeMutablePointer<UInt64>?) -> Int32
  // The symbol is prlimit(2)'s, whose type this is: RLIMIT_NOFILE is 7, and a limit is two integers.
  guard let symbol = unsafe dlsym(nil, "prlimit") else { throw Unlikely() }
  let limit: [UInt64] = [0, 0]
  #expect(unsafe unsafeBitCast(symbol, to: Function.self)(process, 7, limit, nil) == 0)
}

extension Started {
  /// Kills the child and reaps it; how it ended, and nothing is left of it.
  func end() -> [Int32]? {
    _ = ipc_pidfd_signal(pidfd, SIGKILL)
    let ended = reap()
    finish()
    return ended
  }

  /// Waits for the child's end and reaps it: [signaled, code].
  func reap() -> [Int32]? {
    guard ipc_poll(pidfd, IPC_READABLE, 20_000_000_000) > 0 else { return nil }
    var ended = ipc_exit()
    // The shim fills the structure.
    return unsafe ipc_reap(pidfd, &ended) == 1 ? [ended.signaled, ended.code] : nil
  }

  /// What the status pipe tells when it has something to tell: 1 when the program ran, 0 and the failure.
  func result(within limit: Int64 = 20_000_000_000) -> (Int32, Failed) {
    _ = ipc_poll(status, IPC_READABLE, limit)
    return look()
  }
}
