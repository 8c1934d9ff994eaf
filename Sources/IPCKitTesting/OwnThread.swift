// Where a child is waited for: not on the threads that run the tests, which are as many as the processors.

internal import Glibc
internal import IPCKit

/// Runs `body`, which may block, on a thread of its own. The thread lives as long as the call: a child that it starts, and
/// that is to end with it, ends no earlier.
/// - Throws: EAGAIN when the system has no more threads.
package func onOwnThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    do throws(SystemError) {
      try startThread { continuation.resume(returning: body()) }
    } catch {
      continuation.resume(throwing: error)
    }
  }
}

/// How many children may run at once.
final class ChildPlaces: Sendable {
  static let shared = ChildPlaces(count: max(2, 2 * sysconf(Int32(_SC_NPROCESSORS_ONLN))))

  private let state: Lock<(free: Int, waiting: [CheckedContinuation<Void, Never>])>

  init(count: Int) { state = Lock((count, [])) }

  /// Runs `body` as soon as there is a place.
  func withPlace<Value: Sendable>(_ body: () async -> Value) async -> Value {
    await withCheckedContinuation { continuation in
      let isFree = state.withLock { state in
        if state.free > 0 {
          state.free -= 1
          return true
        }
        state.waiting.append(continuation)
        return false
      }
      if isFree { continuation.resume() }
    }
    defer { giveBack() }
    return await body()
  }

  private func giveBack() {
    let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
      state.free += 1
      return nil
    }
    next?.resume()
  }
}
