// The loop as actors see it. A type of its own, because the runtime treats a task that prefers a loop and an actor that is
// isolated to it differently: taken for each other, every call of the one from the other would be a detour by the queue.

internal import Glibc

/// An executor for actors whose code runs on an event loop.
///
/// ```swift
/// actor Table {
///   nonisolated let loop: EventLoop
///   init(on loop: EventLoop) { self.loop = loop }
///   nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.serialExecutor.asUnownedSerialExecutor() }
/// }
/// ```
public final class LoopSerialExecutor: SerialExecutor, @unchecked Sendable {
  /// Set once, before anyone can ask: the loop that owns this.
  unowned(unsafe) var loop: EventLoop?

  init() {}

  /// Takes a job from the runtime; as ``EventLoop/enqueue(_:)``.
  public func enqueue(_ job: consuming ExecutorJob) {
    // The runtime gives each job once, and the loop runs each once.
    unsafe loop?.enqueue(JobQueue.Entry(job: UnownedJob(job), isActors: true))
  }

  /// Ends the program when code that claims to be isolated to the loop is not on its thread.
  public func checkIsolated() { unsafe loop?.checkCurrent() }
}
