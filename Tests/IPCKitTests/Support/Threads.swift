// Peers that block, on threads of their own: the pool that runs the tests has as many threads as the machine has cores,
// and a test that blocked one of them could wait for ever for a test that needs it.

import Glibc
import IPCKit

/// A thread that computes one value.
final class RunningThread<Value: Sendable>: Sendable {
  private let outcome = Lock<Result<Value, any Error>?>(nil)
  private let thread = Lock<pthread_t>(0)

  /// Starts the thread.
  init(_ body: @escaping @Sendable () throws -> Value) {
    // The number is written by pthread_create before it returns, and read by join alone.
    thread.withLock { thread in thread = startThread { self.run(body) } }
  }

  /// Waits for the thread's end and hands out what it computed. Call it once.
  func join() throws -> Value {
    pthread_join(thread.withLock { $0 }, nil)
    guard let outcome = outcome.withLock({ $0 }) else { throw ThreadEndedEarly() }
    return try outcome.get()
  }

  private func run(_ body: () throws -> Value) {
    let result = Result(catching: body)
    outcome.withLock { $0 = result }
  }
}

struct ThreadEndedEarly: Error {}

/// Runs `body` on a new thread that nobody waits for.
func startDetachedThread(_ body: @escaping @Sendable () -> Void) { pthread_detach(startThread(body)) }

/// Runs `body` on a new thread, to be joined or detached by the caller.
func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
  final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var thread = pthread_t()
  // The box is retained for the thread, which takes that count over.
  let context = unsafe Unmanaged.passRetained(Box(body)).toOpaque()
  let failed = unsafe pthread_create(
    &thread, nil,
    { context in
      guard let context = unsafe context else { return nil }
      unsafe Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body()
      return nil
    }, context)
  precondition(failed == 0, "no thread")
  return thread
}

/// Runs each job of a task on a thread of its own, so that the job may block.
final class ThreadForEachJob: TaskExecutor {
  static let shared = ThreadForEachJob()

  func enqueue(_ job: consuming ExecutorJob) {
    // The runtime gives each job once, and it is run once.
    let job = UnownedJob(job)
    startDetachedThread { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

/// Runs `body`, which may block, on a thread of its own; expectations in it are still the calling test's.
func onOwnThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withTaskExecutorPreference(ThreadForEachJob.shared) { try body() }
}
