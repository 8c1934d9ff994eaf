// The way out for calls that block: a thread of their own, while the loop goes on.

internal import Glibc

extension EventLoop {
  /// Runs `body` on a thread of its own and suspends until it returns: for calls that block, such as reading a file on a
  /// mount that may be dead, or getpwnam(3). pthread_create(3), eventfd(2).
  ///
  /// It costs a thread, some 50 µs; a program that makes such calls all the time is better off with a pool. The call is
  /// not cut short when the task is cancelled: nothing can end a thread that hangs in the kernel.
  /// - Throws: ``SystemError`` with EAGAIN when the system has no more threads; what `body` throws comes back as its result.
  ///
  /// ```swift
  /// let loop = try EventLoop()
  /// let canRead = try loop.run { try await loop.blocking { access("/mnt/slow/file", R_OK) == 0 } }
  /// ```
  nonisolated(nonsending) public func blocking<Success: Sendable>(
    _ body: @escaping @Sendable () -> Success
  ) async throws(SystemError) -> Success {
    checkCurrent()
    let call = BlockingCall(body)
    let slot = core.slots.take()
    let key = core.slots.reserve(slot, .read)
    defer { core.slots.give(slot) }
    // The thread may still end while this goes on, so it has nothing that holds a descriptor: the loop's inbox, which it
    // uses no more once the loop has its message, and a call that was made.
    try startThread { [inbox] in
      call.run()
      inbox.leave(.cancellation(key))
    }
    _ = await suspendRegardless(key, .never)
    return call.result
  }
}

/// A call and, once it has returned, its result.
private final class BlockingCall<Success: Sendable>: Sendable {
  private enum State {
    case before(@Sendable () -> Success)
    case after(Success)
  }

  private let state: Lock<State>

  init(_ body: @escaping @Sendable () -> Success) { state = Lock(.before(body)) }

  /// Makes the call. What it captured ends here, and not at some moment after the caller has gone on.
  func run() {
    guard case .before(let body) = state.withLock({ $0 }) else { preconditionFailure("called twice") }
    let result = body()
    state.withLock { $0 = .after(result) }
  }

  var result: Success {
    guard case .after(let result) = state.withLock({ $0 }) else { preconditionFailure("asked before it returned") }
    return result
  }
}

/// A closure on its way to a thread.
private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Starts a detached thread, which takes no signals of ours.
package func startThread(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
  var attributes = pthread_attr_t()
  unsafe pthread_attr_init(&attributes)
  unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
  defer { unsafe pthread_attr_destroy(&attributes) }
  // Released by the thread that it is for, or below when there is none.
  let argument = unsafe Unmanaged.passRetained(ThreadBody(body))
  // Each structure is set before it is read; the closure is a C function, which captures nothing.
  var (thread, all, before) = (pthread_t(), sigset_t(), sigset_t())
  unsafe sigfillset(&all)
  var wrong = unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
  // A mask that was not read is not set: this thread would take every signal then.
  if wrong == 0 {
    wrong = unsafe pthread_create(
      &thread, &attributes,
      { argument in
        if let argument = unsafe argument {
          unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
        }
        return nil
      }, unsafe argument.toOpaque())
    unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
  }
  guard wrong != 0 else { return }
  unsafe argument.release()
  throw SystemError(errno: wrong, operation: "pthread_create")
}
