// An event loop on a thread of its own, for as long as a test needs it.

import IPCKit

/// Runs `body` on a new loop. Expectations in it are the calling test's, and so is its cancellation.
@discardableResult
func withLoop<Value: Sendable>(
  _ body: @escaping @Sendable (EventLoop) async throws -> Value
) async throws -> Value {
  let loop = try EventLoop()
  let cancellation = Cancellation()
  return try await withTaskCancellationHandler {
    try await onOwnThread {
      let result = loop.run { () async -> Result<Value, any Error> in
        let task = Task(executorPreference: loop) { try await body(loop) }
        cancellation.arm { task.cancel() }
        return await task.result
      }
      return try result.get()
    }
  } onCancel: {
    cancellation.fire()
  }
}

/// A cancellation that may come before there is anything to cancel.
final class Cancellation: Sendable {
  private let state = Lock<(fired: Bool, action: (@Sendable () -> Void)?)>((false, nil))

  func arm(_ action: @escaping @Sendable () -> Void) {
    let fired = state.withLock { state in
      state.action = action
      return state.fired
    }
    if fired { action() }
  }

  func fire() {
    let action = state.withLock { state in
      state.fired = true
      return state.action
    }
    action?()
  }
}
