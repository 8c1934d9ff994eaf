// What a piece of code has left open: a census before, a census after, and the patience for what is still being closed.

internal import CIPCShim
internal import Glibc

/// Descriptors that are open and were not, of this process and of its descendants.
///
/// ```swift
/// let leaks = try DescriptorLeakCheck.leaks {
///   _ = try Pipe()
/// }
/// print(leaks.isEmpty ? "clean" : "\(leaks)")
/// ```
public struct DescriptorLeaks: Sendable, CustomStringConvertible {
  /// Numbers of this process that were free before, in order.
  public let own: [HeldDescriptor]
  /// Numbers of this process that led elsewhere before, such as a standard stream that was redirected and not restored.
  public let replaced: [DescriptorChanges.Replacement]
  /// What descendants hold that did not exist before and still live, and this process did not hold before: descriptors
  /// that they have inherited, or opened themselves.
  public let inherited: [Inherited]

  /// A descriptor in another process.
  public struct Inherited: Hashable, Sendable {
    /// The process's name, at most 15 bytes, from /proc/PID/comm. It is foreign text.
    public let processName: String
    /// The descriptor, with the process's number.
    public let descriptor: HeldDescriptor
  }

  /// Whether nothing is left.
  public var isEmpty: Bool { own.isEmpty && replaced.isEmpty && inherited.isEmpty }

  /// How many are left.
  public var count: Int { own.count + replaced.count + inherited.count }

  /// A line for each, with number, kind, other end and, where it is recorded, origin.
  public var description: String {
    guard !isEmpty else { return "no descriptor left open" }
    var lines = [count == 1 ? "1 descriptor left open:" : "\(count) descriptors left open:"]
    lines += own.map { "\($0)" }
    lines += replaced.map { "\($0.after), in place of \($0.before.kind.name) \($0.before.target)" }
    lines += inherited.map {
      "\($0.descriptor), in process \($0.descriptor.processID) (\($0.processName)), which still runs"
    }
    return lines.joined(separator: "\n  ")
  }
}

/// A look at what this process and its descendants hold, to be compared with a later one.
///
/// ```swift
/// func checkPipe() throws {
///   let check = try DescriptorLeakCheck()
///   let pipe = try Pipe()
///   try pipe.reading.close()
///   try pipe.writing.close()
///   let leaks = try check.left(settlingWithin: .seconds(1))
///   precondition(leaks.isEmpty, "\(leaks)")
/// }
/// ```
///
/// It is about the whole process: what other threads open at the same time, and keep, is counted too, so nothing else may
/// run beside what is checked. IPCKitTesting's trait `.leakFree` gives each test a process of its own for that. What the
/// Swift runtime opens once and keeps is counted unless it was there before, see ``openRuntimeDescriptors()``.
///
/// An orphan is a descendant only where this process adopts it: prctl(2) with PR_SET_CHILD_SUBREAPER. Processes of other
/// users are not looked into, nor those that have changed theirs and may not be traced. A second epoll instance or timerfd
/// under the number of one that was closed is not seen.
public struct DescriptorLeakCheck: Sendable {
  private let before: DescriptorCensus
  /// Those from before, by what tells them apart.
  private let files: Set<HeldFile>
  private let processes: Set<RunningProcess>

  /// Takes the first look. open(2) and readlink(2) in /proc.
  /// - Throws: ENOENT without /proc, EMFILE.
  public init() throws(SystemError) {
    processes = try Set(RunningProcess.descendants())
    before = try DescriptorCensus()
    files = Set(before.descriptors.map(HeldFile.init))
  }

  /// What is left now. Blocks until nothing is, but no longer than it may take to settle: other threads may still be
  /// closing, and children ending. open(2) and readlink(2) in /proc, ppoll(2).
  ///
  /// What comes and goes meanwhile is not counted; with no time to settle, it is.
  /// - Throws: EMFILE.
  public func left(settlingWithin time: Duration = .seconds(1)) throws(SystemError) -> DescriptorLeaks {
    try settled(try look(), until: .after(time))
  }

  /// The same, and suspends meanwhile: a thread of its own waits. pthread_create(3).
  ///
  /// It is not cut short when the task is cancelled: a test whose time is over has left no less for that.
  /// - Throws: EMFILE; EAGAIN when the system has no more threads.
  nonisolated(nonsending) public func left(
    settlingWithin time: Duration = .seconds(1)
  ) async throws(SystemError) -> DescriptorLeaks {
    let deadline = Deadline.after(time)
    let first = try look()
    if first.isEmpty { return first }
    // Not by a sleep of the task: that would open the runtime's own timer, where there is none yet.
    let result = await withCheckedContinuation { (continuation: CheckedContinuation<Outcome, Never>) in
      do throws(SystemError) {
        try startThread {
          continuation.resume(returning: Outcome { () throws(SystemError) in try settled(first, until: deadline) })
        }
      } catch {
        continuation.resume(returning: .failure(error))
      }
    }
    return try result.get()
  }

  private typealias Outcome = Result<DescriptorLeaks, SystemError>
}

extension DescriptorLeakCheck {
  /// Runs `body` and tells what it has left open.
  /// - Throws: what `body` throws; ``SystemError`` as `left(settlingWithin:)`.
  public static func leaks(
    settlingWithin time: Duration = .seconds(1), of body: () throws -> Void
  ) throws -> DescriptorLeaks {
    let check = try DescriptorLeakCheck()
    try body()
    return try check.left(settlingWithin: time)
  }

  /// The same for a body that suspends; what the runtime opens for it once and keeps is not counted.
  nonisolated(nonsending) public static func leaks(
    settlingWithin time: Duration = .seconds(1), of body: nonisolated(nonsending) () async throws -> Void
  ) async throws -> DescriptorLeaks {
    await openRuntimeDescriptors()
    let check = try DescriptorLeakCheck()
    try await body()
    return try await check.left(settlingWithin: time)
  }

  /// Has the Swift runtime open what it opens at the first sleep of a task and keeps: an epoll instance, an eventfd and a
  /// timerfd for each clock. Before a check of asynchronous code, so that clean code is found clean.
  nonisolated(nonsending) public static func openRuntimeDescriptors() async {
    await openTimers(of: [CLOCK_MONOTONIC, CLOCK_BOOTTIME]) { time in
      try? await Task.sleep(for: time, clock: .continuous)
      try? await Task.sleep(for: time, clock: .suspending)
    }
  }

  /// Sleeps until there is a timerfd for each of the clocks, a second in all at most. One sleep is not enough: a moment that
  /// has passed before the runtime gets to it needs no timer.
  nonisolated(nonsending) package static func openTimers(
    of clocks: Set<Int32>, sleep: nonisolated(nonsending) (Duration) async -> Void
  ) async {
    for exponent in 0..<10 {
      await sleep(.milliseconds(1 << exponent))
      let found = (try? DescriptorCensus())?.descriptors.compactMap { held in
        if case .timerfd(let timer) = held.kind { timer.clock } else { nil }
      }
      guard let found, !clocks.isSubset(of: found) else { return }
    }
  }
}

// MARK: - Looking

extension DescriptorLeakCheck {
  /// What differs at this moment.
  private func look() throws(SystemError) -> DescriptorLeaks {
    let changes = try DescriptorCensus().changes(since: before)
    var inherited: [DescriptorLeaks.Inherited] = []
    for process in try RunningProcess.descendants() where !processes.contains(process) && !process.hasEnded {
      guard let census = try Self.census(of: process) else { continue }
      let new = census.descriptors.filter { $0.target != "/dev/null" && !files.contains(HeldFile($0)) }
      guard !new.isEmpty else { continue }
      let name = ProcessListing.name(ofProcess: process.processID)
      inherited += new.map { DescriptorLeaks.Inherited(processName: name, descriptor: $0) }
    }
    return DescriptorLeaks(own: changes.appeared, replaced: changes.replaced, inherited: inherited)
  }

  /// Nil for a process that has ended meanwhile and holds nothing, and for one that may not be looked into: another user's.
  private static func census(of process: RunningProcess) throws(SystemError) -> DescriptorCensus? {
    do throws(SystemError) {
      return try DescriptorCensus(processID: process.processID)
    } catch {
      guard [ENOENT, ESRCH, EACCES].contains(error.errno) else { throw error }
      return nil
    }
  }

  /// Looks again until nothing is left or the time is over: then what two looks in a row have found.
  private func settled(_ first: DescriptorLeaks, until deadline: Deadline) throws(SystemError) -> DescriptorLeaks {
    var (found, common, pause) = (first, first, Int64(1_000_000))
    while !found.isEmpty, !deadline.hasPassed {
      // Without a descriptor, it only waits. As long at the end too: two looks at once would see what comes and goes.
      _ = ipc_poll(-1, 0, pause)
      pause = min(pause * 2, 32_000_000)
      let next = try look()
      (found, common) = (next, next.common(with: found))
    }
    return found.isEmpty || common.isEmpty
      ? DescriptorLeaks(own: [], replaced: [], inherited: []) : common.withOtherEnds
  }
}

extension DescriptorLeaks {
  /// What was there in an earlier look too.
  fileprivate func common(with earlier: DescriptorLeaks) -> DescriptorLeaks {
    let files = Set((earlier.own + earlier.replaced.map(\.after)).map(HeldFile.init))
    let others = Set(earlier.inherited.map { HeldFile($0.descriptor) })
    return DescriptorLeaks(
      own: own.filter { files.contains(HeldFile($0)) },
      replaced: replaced.filter { files.contains(HeldFile($0.after)) },
      inherited: inherited.filter { others.contains(HeldFile($0.descriptor)) })
  }

  /// The same with the processes that hold the other ends, which cost a look into all of them.
  fileprivate var withOtherEnds: DescriptorLeaks {
    guard var census = try? DescriptorCensus() else { return self }
    census.findOtherEnds()
    return DescriptorLeaks(
      own: own.map { held in
        guard let now = census[held.number], now.isSameFile(as: held) else { return held }
        return now
      }, replaced: replaced, inherited: inherited)
  }
}

/// What tells an open file from another, whoever holds it: for kinds that share an inode, such as epoll and timerfd, the
/// number is a part of it, which a child inherits as it is.
private struct HeldFile: Hashable {
  private let identity: FileIdentity
  private let number: Int32?

  init(_ held: HeldDescriptor) {
    identity = FileIdentity(held)
    let isNameless = if case .eventfd = held.kind { false } else { held.inode == nil }
    number = isNameless ? held.number : nil
  }
}
