// What went wrong, as values to compare: an owner of a descriptor cannot pass through an expectation's macro.

import Glibc
import IPCKit
import Testing

/// The error that `body` ends in; nil when it succeeds.
func failure(of body: () throws -> Void) -> (any Error)? {
  do {
    try body()
    return nil
  } catch {
    return error
  }
}

/// The conversation's error that `body` ends in; nil when it succeeds or ends in another.
func ipcFailure(of body: () throws -> Void) -> IPCError? { failure(of: body) as? IPCError }

/// The failed system call that `body` ends in, also as a conversation's error.
func systemFailure(of body: () throws -> Void) -> SystemError? {
  switch failure(of: body) {
  case let error as SystemError: return error
  case let error as IPCError:
    guard case .system(let inner) = error else { return nil }
    return inner
  default: return nil
  }
}

/// The same for a body that suspends.
func systemFailure(of body: () async throws -> Void) async -> SystemError? {
  do {
    try await body()
    return nil
  } catch {
    return systemFailure { throw error }
  }
}

/// Runs `body` and expects that this process then holds what it held, the lowest free number included. Only in a process
/// that no other test shares.
func expectNothingLeftOpen(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async throws {
  try await settle()
  let (before, lowest) = (openDescriptors(), lowestFreeDescriptor())
  try await body()
  #expect(openDescriptors() == before, sourceLocation: sourceLocation)
  #expect(lowestFreeDescriptor() == lowest, sourceLocation: sourceLocation)
}

/// Runs `body` with room for no descriptor, for one, for two and so on until it succeeds, so that each descriptor that it
/// makes is once the one that fails; expects EMFILE and nothing left open every time, and success with room for `count`.
func expectNothingLeftOpen(
  needing count: Int, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async throws {
  try await settle()
  let (before, lowest) = (openDescriptors(), lowestFreeDescriptor())
  let limit = try DescriptorLimit.current()
  for room in 0...count {
    var lowered = limit
    lowered.soft = UInt64(freeNumber(after: room, in: before))
    try lowered.apply()
    var ended: (any Error)?
    do { try await body() } catch { ended = error }
    try limit.apply()
    #expect(openDescriptors() == before, "with room for \(room)", sourceLocation: sourceLocation)
    #expect(lowestFreeDescriptor() == lowest, "with room for \(room)", sourceLocation: sourceLocation)
    let errno = ended.flatMap { ended in systemFailure { throw ended } }?.errno
    #expect(errno == (room < count ? EMFILE : nil), "with room for \(room)", sourceLocation: sourceLocation)
  }
}

/// The runtime makes descriptors of its own when something first needs them, a timer above all: let it make them now.
private func settle() async throws { try await Task.sleep(for: .milliseconds(1)) }

/// The number that follows `count` free ones.
private func freeNumber(after count: Int, in open: [Int32: String]) -> Int32 {
  var (free, number) = (0, Int32(0))
  while free < count || open[number] != nil {
    if open[number] == nil { free += 1 }
    number += 1
  }
  return number
}

/// Opens descriptors and closes every second one, so that what comes next has to fill the holes.
func punchHoles() -> [Int32] {
  let opened = (0..<12).map { _ in dup(0) }
  for (index, number) in opened.enumerated() where index.isMultiple(of: 2) { close(number) }
  return opened.enumerated().filter { !$0.offset.isMultiple(of: 2) }.map(\.element)
}
