// One child from its start to its end, on a thread that may block.

internal import Glibc
internal import IPCKit

/// A child that runs, and what it has told so far.
struct ChildConversation: ~Copyable {
  private let child: DetachedProcess
  private let handle: ProcessHandle
  private let events: FileDescriptor
  private let errors: FileDescriptor
  private var report: ChildReport
  private let patience: Duration?
  private var deadline: Deadline
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)

  /// Starts the child. Standard output is ours; standard error comes through a pipe, so that a crash's last words can be a
  /// part of the failure.
  init(of command: Command, _ identifier: String, _ patience: Duration?) throws {
    let events = try Pipe()
    let errors = try Pipe()
    var descriptors = ChildDescriptors()
    if fcntl(1, F_GETFD) >= 0 { descriptors.inherit(1) }
    descriptors.set(2, to: errors.writing)
    descriptors.set(CheckedScope.eventsNumber, to: events.writing)
    let child = try DetachedProcess(command, with: descriptors, deadline: .after(.seconds(60)))
    let handle = try Self.handle(of: child)
    try? events.reading.setNonBlocking(true)
    try? errors.reading.setNonBlocking(true)
    self.child = child
    self.handle = handle
    self.events = events.reading
    self.errors = errors.reading
    report = ChildReport(identifier)
    self.patience = patience
    deadline = patience.map { .after($0) } ?? .never
  }

  /// A pidfd of the child's, which nobody reaps meanwhile; without one it is killed.
  private static func handle(of child: borrowing DetachedProcess) throws -> ProcessHandle {
    do {
      return try ProcessHandle(processID: child.processID)
    } catch {
      kill(child.processID, SIGKILL)
      _ = try? child.exit()
      throw error
    }
  }

  /// Follows the child to its end, and reaps it. What outlives it, and holds its pipes, is not waited for. poll(2).
  consuming func report(_ canceller: Canceller) -> ChildReport {
    var (hasEvents, hasErrors, hasEnded, isKilled) = (true, true, false, false)
    while !hasEnded {
      var places = [
        place(events, hasEvents), place(errors, hasErrors), place(handle.descriptor, true),
        place(canceller.counter.descriptor, !isKilled),
      ]
      // The kernel writes into as many places as there are.
      _ = unsafe poll(&places, nfds_t(places.count), isKilled ? -1 : milliseconds)
      if places[0].revents != 0 { hasEvents = readEvents() }
      if places[1].revents != 0 { hasErrors = readErrors() }
      hasEnded = places[2].revents != 0
      if !isKilled, places[3].revents != 0 || deadline.hasPassed {
        isKilled = true
        report.killed(becauseOfTime: places[3].revents == 0)
        // It was not reaped, so that the number is its own, and its group's.
        kill(-child.processID, SIGKILL)
      }
    }
    // What it has written before its end, and no more: others may go on writing.
    for _ in 0..<32 where hasEvents { hasEvents = readEvents() }
    for _ in 0..<4 where hasErrors { hasErrors = readErrors() }
    let status = (try? child.exit()) ?? .unknown
    report.ended(status)
    return report
  }

  /// For poll(2), which does not look at negative numbers.
  private func place(_ descriptor: borrowing FileDescriptor, _ isWanted: Bool) -> pollfd {
    // The descriptor is open for as long as this conversation.
    unsafe descriptor.withUnsafeNumber { pollfd(fd: isWanted ? $0 : -1, events: Int16(POLLIN), revents: 0) }
  }

  private var milliseconds: Int32 {
    guard deadline != .never else { return -1 }
    return Int32(clamping: deadline.remainingNanoseconds / 1_000_000 + 1)
  }

  /// Reads once; false at the end of the file, or when nothing is there.
  private mutating func readEvents() -> Bool {
    guard let count = Self.read(events, into: &buffer) else { return false }
    report.add(events: buffer.prefix(count))
    if let patience { deadline = .after(report.isOverTime ? .seconds(20) : patience) }
    return true
  }

  private mutating func readErrors() -> Bool {
    guard let count = Self.read(errors, into: &buffer) else { return false }
    report.add(output: buffer.prefix(count))
    // As if it were the child's own; who does not want it has closed it.
    // The bytes are the buffer's, for the length of the call.
    unsafe buffer.withUnsafeBytes { bytes in
      var written = 0
      while written < count {
        let put = unsafe write(2, bytes.baseAddress.map { unsafe $0 + written }, count - written)
        if put < 0, errno == EINTR { continue }
        guard put > 0 else { return }
        written += put
      }
    }
    return true
  }

  /// Nil at the end of the file, or when nothing is there.
  private static func read(_ descriptor: borrowing FileDescriptor, into buffer: inout [UInt8]) -> Int? {
    var span = buffer.mutableSpan
    // Bytes seen as raw bytes: nothing is reinterpreted.
    var bytes = unsafe span.mutableBytes
    let count = try? descriptor.read(into: &bytes)
    return count == 0 ? nil : count
  }
}
