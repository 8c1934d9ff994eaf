// Tasks that wait on a loop: for a moment, for a place's events, or for a thread that may block.

internal import Glibc

extension EventLoop {
  /// Suspends the task until the deadline or its cancellation, whichever is first.
  nonisolated(nonsending) public func sleep(until deadline: Deadline) async {
    let slot = takeSleeper()
    _ = await suspend(core.slots.reserve(slot, .read), deadline)
    core.slots.give(slot)
  }

  /// The same for who may not be hurried: a cancelled task sleeps too.
  nonisolated(nonsending) func sleepRegardless(until deadline: Deadline) async {
    let slot = takeSleeper()
    _ = await suspendRegardless(core.slots.reserve(slot, .read), deadline)
    core.slots.give(slot)
  }

  /// A place without a descriptor.
  private func takeSleeper() -> Int32 {
    checkCurrent()
    return core.slots.take()
  }

  /// Suspends the task in the wait that was reserved.
  nonisolated(nonsending) func suspend(_ key: WaitKey, _ deadline: Deadline) async -> Wake {
    await withTaskCancellationHandler {
      await suspendRegardless(key, deadline)
    } onCancel: {
      cancel(key)
    }
  }

  /// Suspends the task in the wait that was reserved, whether it is cancelled or not.
  nonisolated(nonsending) func suspendRegardless(_ key: WaitKey, _ deadline: Deadline) async -> Wake {
    // Between the reservation and this, a hop may have let an event or a cancellation pass.
    guard core.slots.isWaiting(key.slot, key.interest) else { return core.slots.conclude(key.slot, key.interest) }
    if deadline != .never { core.slots.setTimer(key.slot, key.interest, deadline) }
    return await park(key.slot, key.interest)
  }
}
