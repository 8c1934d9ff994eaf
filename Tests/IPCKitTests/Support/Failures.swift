// What went wrong, as values to compare: an owner of a descriptor cannot pass through an expectation's macro.

import Glibc
import IPCKit

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
