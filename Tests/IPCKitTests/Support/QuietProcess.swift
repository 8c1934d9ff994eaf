// A process where nothing happens but the test: the one place where the next descriptor number proves what was closed.
//
// Numbers belong to the whole process. Tests run side by side, and even in an exit test's process the runtime opens and
// closes a few of its own whenever its threads get to it. A child forked from there has one thread and no runtime behind
// it, so its numbers are its own. There the limit of descriptors can be lowered too. Expectations' macros do not reach out
// of it, so it collects what it finds as text.

import Glibc
import IPCKit
import Testing

/// Runs `body` in a forked child, and records what it found and the error it threw as issues. Only in an exit test.
func inQuietProcess(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: (Quiet) throws -> Void
) throws {
  let found = try toldByForkedChild {
    let quiet = Quiet()
    do { try body(quiet) } catch { quiet.expect(false, "threw \(error)") }
    return quiet.findings.joined(separator: "\n")
  }
  if !found.isEmpty { Issue.record("\(found)", sourceLocation: sourceLocation) }
}

/// What a quiet process finds.
final class Quiet: Sendable {
  private let found = Lock<[String]>([])

  var findings: [String] { found.withLock { $0 } }

  /// Notes a finding unless `condition` holds.
  func expect(_ condition: Bool, _ detail: String = "", line: Int = #line) {
    if !condition { found.withLock { $0.append("line \(line): \(detail.isEmpty ? "not as expected" : detail)") } }
  }

  /// Notes a finding unless both are the same.
  func expect<Value: Equatable>(_ value: Value, is expected: Value, _ detail: String = "", line: Int = #line) {
    expect(value == expected, "\(detail) \(value) instead of \(expected)", line: line)
  }

  /// Runs `body` and expects this process to hold the same descriptors as before, and the next number to be the same.
  func expectNothingLeftOpen(line: Int = #line, _ body: () throws -> Void) throws {
    let before = DescriptorNumbers()
    try body()
    expect(before.differences, is: "", line: line)
  }

  /// The same for a body that suspends.
  func expectNothingLeftOpen(line: Int = #line, _ body: () async throws -> Void) async throws {
    let before = DescriptorNumbers()
    try await body()
    expect(before.differences, is: "", line: line)
  }

  /// Runs `body` with room for no descriptor, for one, for two and so on until there is room for `count`, so that each
  /// descriptor that it makes is once the one that fails; expects EMFILE and nothing left open every time but the last,
  /// when it must succeed.
  func expectNothingLeftOpen(needing count: Int, line: Int = #line, _ body: () throws -> Void) throws {
    for room in 0...count {
      let before = DescriptorNumbers()
      try before.leaveRoom(for: room)
      let ended = failure(of: body)
      try before.lift()
      judge(ended, room, of: count, before, line)
    }
  }

  /// The same for a body that suspends.
  func expectNothingLeftOpen(needing count: Int, line: Int = #line, _ body: () async throws -> Void) async throws {
    for room in 0...count {
      let before = DescriptorNumbers()
      try before.leaveRoom(for: room)
      var ended: (any Error)?
      do { try await body() } catch { ended = error }
      try before.lift()
      judge(ended, room, of: count, before, line)
    }
  }

  private func judge(_ ended: (any Error)?, _ room: Int, of count: Int, _ before: DescriptorNumbers, _ line: Int) {
    expect(before.differences, is: "", "with room for \(room)", line: line)
    let errno = ended.flatMap { ended in systemFailure { throw ended } }?.errno
    let isAsExpected = room < count ? errno == EMFILE : ended == nil
    expect(isAsExpected, "with room for \(room): \(ended.map { "\($0)" } ?? "no error")", line: line)
  }
}

/// The descriptors of this process at one moment.
private struct DescriptorNumbers {
  private let open = openDescriptors()
  private let lowest = lowestFreeDescriptor()
  private let limit = try? DescriptorLimit.current()

  /// What is open now and was not, or the other way round; empty when all is the same.
  var differences: String {
    let now = openDescriptors()
    let opened = now.filter { open[$0.key] != $0.value }
    let closed = open.filter { now[$0.key] == nil }
    let next = lowestFreeDescriptor()
    if opened.isEmpty && closed.isEmpty && next == lowest { return "" }
    return "opened \(opened), closed \(closed), next \(next), before \(lowest)"
  }

  /// Lowers the limit so that `count` more descriptors can be opened.
  func leaveRoom(for count: Int) throws {
    guard var limit else { throw IPCError.endOfFile }
    limit.soft = numbers(leavingRoomFor: count, beside: open)
    try limit.apply()
  }

  /// Restores the limit.
  func lift() throws { try limit?.apply() }
}

/// Opens descriptors and closes every second one, so that what comes next has to fill the holes.
func punchHoles() {
  for (index, number) in (0..<12).map({ _ in dup(0) }).enumerated() where index.isMultiple(of: 2) { close(number) }
}
