// How a task waits on a loop: it changes to an actor whose executor runs nothing, but keeps the job, and the loop runs the
// job when the time has come. The runtime's continuations do the same with three look-ups of the task's executor, each
// under a lock, and a record for them in the task's memory.

/// Where tasks of a loop stop: nothing is isolated here, and nothing is kept.
@usableFromInline
actor ParkingPlace {
  nonisolated let executor = ParkingExecutor()
  @usableFromInline
  nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

  /// Changes to this actor, which suspends the task. Never inlined: a change that nothing needs would be left out.
  @usableFromInline @inline(never)
  func stay() {}
}

/// Keeps the job of a task that stops, in the place of the loop's table that was named for it.
@safe final class ParkingExecutor: SerialExecutor, @unchecked Sendable {
  /// Set once, before anyone can ask: the state of the loop that owns this.
  var core: UnsafeMutablePointer<LoopCore>?

  init() {}

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    // A task stops on the loop's own thread alone, as it has checked.
    unsafe core?.pointee.keepParked(job)
  }
}

extension EventLoop {
  /// Suspends the task until its wait at a place has ended; answers why.
  ///
  /// It goes on as the loop's own job: what is isolated to the parking place is nothing, so that nothing needs to change
  /// back.
  @inline(__always)
  nonisolated(nonsending) func park(_ slot: Int32, _ interest: Interest) async -> Wake {
    await core.parkingPlace(for: slot, interest).stay()
    return core.slots.conclude(slot, interest)
  }
}
