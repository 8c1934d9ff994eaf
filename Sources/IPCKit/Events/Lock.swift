// The lock between a loop and the other threads. Not Synchronization's Mutex: ThreadSanitizer does not know how that one
// waits, and would report races that are none in every program of our users' that runs with it.

internal import Glibc

/// A value that one thread at a time can touch. pthread_mutex_lock(3).
///
/// Package-wide because the tests' threads, which run under ThreadSanitizer too, need the same.
@safe package final class Lock<Value: Sendable>: @unchecked Sendable {
  /// In memory of its own: a mutex must not move, and a property may be copied out and back.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var value: Value

  package init(_ value: Value) {
    self.value = value
    unsafe mutex = .allocate(capacity: 1)
    // Memory for one, which was just made. Without attributes the call cannot fail.
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe pthread_mutex_init(mutex, nil)
  }

  deinit {
    // Nobody can hold it any more: who does holds this object.
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  /// Runs `body` while no other thread does. Not to be called from within: it would wait for itself.
  package func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    // Initialized in init, and unlocked by the thread that locked it.
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return try body(&value)
  }

  /// Runs `body` again and again, each time somebody has signalled, until it has a result. pthread_cond_wait(3).
  func wait<Result>(on condition: Condition, until body: (inout Value) -> Result?) -> Result {
    // As in withLock; the condition unlocks while it waits.
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while true {
      if let result = body(&value) { return result }
      unsafe condition.wait(mutex)
    }
  }
}

/// Where a thread waits for what others change under a lock.
@safe final class Condition: @unchecked Sendable {
  /// In memory of its own, as the lock's mutex.
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  init() {
    unsafe condition = .allocate(capacity: 1)
    // Memory for one, which was just made. Without attributes the call cannot fail.
    unsafe condition.initialize(to: pthread_cond_t())
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    // Nobody can wait for it any more: who does holds this object.
    unsafe pthread_cond_destroy(condition)
    unsafe condition.deallocate()
  }

  /// Lets whoever waits look again. Only one thread waits.
  func signal() {
    // Initialized in init.
    unsafe pthread_cond_signal(condition)
  }

  /// Unsafe because the mutex must be locked by this thread.
  @unsafe fileprivate func wait(_ mutex: UnsafeMutablePointer<pthread_mutex_t>) {
    unsafe pthread_cond_wait(condition, mutex)
  }
}
