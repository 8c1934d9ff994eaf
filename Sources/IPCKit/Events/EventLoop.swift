// The thread that everything of a server runs on: an epoll loop that is its tasks' executor, so that a message costs what
// it costs in C, and nothing ever hops to another thread.

internal import CIPCShim
internal import Glibc
internal import Synchronization

/// An epoll loop that runs tasks.
///
/// ``run(_:)`` turns the calling thread into the loop. Tasks that start there, their children and every actor that names
/// the loop as its executor stay on that thread. A call that blocks stops them all: give it to a thread of its own and
/// await the result.
///
/// ```swift
/// let loop = try EventLoop()
/// loop.run {
///   await loop.sleep(until: .after(.milliseconds(10)))
/// }
/// ```
@safe public final class EventLoop: TaskExecutor, SerialExecutor, @unchecked Sendable {
  /// What other threads leave for the loop.
  private struct Inbox {
    var jobs: [UnownedJob] = []
    var cancellations: [WaiterKey] = []
    var isEmpty: Bool { jobs.isEmpty && cancellations.isEmpty }
  }

  /// Owned by this object; touched on the loop's thread alone, which `precondition(isCurrent)` guards.
  let core: UnsafeMutablePointer<LoopCore>
  private let inbox = Mutex(Inbox())
  /// The core's descriptor that any thread may write to.
  private let wakeupNumber: CInt
  /// The number of the running thread, 0 while none runs.
  private let thread = Atomic<UInt>(0)

  /// Makes a loop that does not run yet. epoll_create1(2), eventfd(2).
  /// - Throws: EMFILE, ENFILE, ENOMEM.
  public init() throws(SystemError) {
    let made = try LoopCore()
    wakeupNumber = made.wakeupNumber
    unsafe core = .allocate(capacity: 1)
    unsafe core.initialize(to: made)
  }

  deinit {
    // Nothing can refer to it any more: registrations hold the loop.
    unsafe core.deinitialize(count: 1)
    unsafe core.deallocate()
  }

  /// Whether the caller runs on the loop's thread.
  public var isCurrent: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

  /// Runs `body` as a task on the calling thread and returns when it ends; other tasks of the loop stop then.
  ///
  /// - Precondition: the loop is not running already.
  public func run<Success: Sendable>(_ body: @escaping @Sendable () async -> Success) -> Success {
    let before = thread.exchange(UInt(pthread_self()), ordering: .relaxed)
    precondition(before == 0, "the event loop runs already")
    defer { thread.store(0, ordering: .relaxed) }
    let outcome = Mutex<Success?>(nil)
    Task(executorPreference: self) {
      let result = await body()
      outcome.withLock { $0 = result }
    }
    while true {
      takeInbox()
      runJobs()
      if let result = outcome.withLock({ $0 }) { return result }
      pollEvents()
    }
  }

  /// Suspends the task until the deadline or its cancellation, whichever is first.
  nonisolated(nonsending) public func sleep(until deadline: Deadline) async {
    checkCurrent()
    let key = unsafe core.pointee.waiters.reserve(nil)
    _ = await suspend(key, deadline)
  }

  /// The same for who may not be hurried: a cancelled task sleeps too.
  nonisolated(nonsending) func sleepRegardless(until deadline: Deadline) async {
    checkCurrent()
    let key = unsafe core.pointee.waiters.reserve(nil)
    _ = await suspendRegardless(key, deadline)
  }

  /// Ends the program with a reason when called from elsewhere: the loop's state is one thread's.
  func checkCurrent() {
    precondition(isCurrent, "an event loop's connection or timer was used outside the loop's thread")
  }
}

// MARK: - Running jobs

extension EventLoop {
  /// Takes a job from the runtime: on the loop's thread without a lock and without a system call.
  public func enqueue(_ job: consuming ExecutorJob) {
    // The runtime gives each job once, and the loop runs each once.
    let job = UnownedJob(job)
    if isCurrent {
      unsafe core.pointee.jobs.append(job)
    } else {
      leave { $0.jobs.append(job) }
    }
  }

  /// Ends the program when code that claims to be isolated to the loop is not on its thread.
  public func checkIsolated() { checkCurrent() }

  /// Runs the jobs that are ready and those that they make ready: a few rounds, so that a task that changes functions
  /// costs no system call, and no more, so that one who keeps yielding shuts nobody out.
  private func runJobs() {
    var rounds = 0
    while rounds < 16, unsafe !core.pointee.jobs.isEmpty {
      runRound()
      rounds += 1
    }
  }

  /// Waits for events, or the earliest deadline, and resumes those who waited for them.
  private func pollEvents() {
    let idle = unsafe core.pointee.jobs.isEmpty
    let limit = unsafe idle ? core.pointee.waiters.earliest.remainingNanoseconds : 0
    do throws(SystemError) {
      unsafe try core.pointee.poll(nanoseconds: limit)
    } catch {
      fatalError("\(error)")  // EBADF, EFAULT or EINVAL: this loop's own epoll descriptor is broken
    }
    unsafe core.pointee.expire()
    resumeAwakened()
  }

  private func resumeAwakened() {
    // Each wait ended once, and so was put there once.
    for unsafe(continuation, reason) in unsafe core.pointee.takeAwakened() {
      unsafe continuation.resume(returning: reason)
    }
  }

  private func runRound() {
    var ready: [UnownedJob] = []
    unsafe swap(&ready, &core.pointee.jobs)
    for job in ready {
      unsafe job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
    }
    // The array goes back, so that a busy loop does not allocate one each turn.
    ready.removeAll(keepingCapacity: true)
    if unsafe core.pointee.jobs.isEmpty { unsafe swap(&ready, &core.pointee.jobs) }
  }
}

// MARK: - From other threads

extension EventLoop {
  private func leave(_ change: (inout sending Inbox) -> Void) {
    let wasEmpty = inbox.withLock { inbox in
      let wasEmpty = inbox.isEmpty
      change(&inbox)
      return wasEmpty
    }
    if wasEmpty { wakeUp() }
  }

  private func takeInbox() {
    let taken = inbox.withLock { inbox in
      let taken = inbox
      inbox = Inbox()
      return taken
    }
    unsafe core.pointee.jobs.append(contentsOf: taken.jobs)
    for key in taken.cancellations { cancel(key) }
  }

  private func wakeUp() {
    var one: UInt64 = 1
    // An eventfd takes eight bytes. EAGAIN means that it is far from zero already, which is as good.
    unsafe withUnsafeBytes(of: &one) { bytes in
      if let start = bytes.baseAddress { unsafe _ = ipc_write(wakeupNumber, start, bytes.count) }
    }
  }
}

// MARK: - Waiting

extension EventLoop {
  /// Suspends the task in the wait that was reserved.
  nonisolated(nonsending) func suspend(_ key: WaiterKey, _ deadline: Deadline) async -> Wake {
    await withTaskCancellationHandler {
      await suspendRegardless(key, deadline)
    } onCancel: {
      cancel(key)
    }
  }

  /// Suspends the task in the wait that was reserved, whether it is cancelled or not.
  nonisolated(nonsending) func suspendRegardless(_ key: WaiterKey, _ deadline: Deadline) async -> Wake {
    await unsafe withUnsafeContinuation { continuation in
      // Between the reservation and this, a hop may have let an event or a cancellation pass.
      let early = unsafe core.pointee.waiters.suspend(key, continuation, deadline)
      if let early { unsafe continuation.resume(returning: early) }
    }
  }

  /// Ends the wait if it has not ended; from any thread.
  func cancel(_ key: WaiterKey) {
    guard isCurrent else { return leave { $0.cancellations.append(key) } }
    guard let index = unsafe core.pointee.waiters.current(key) else { return }
    unsafe core.pointee.wake(index, .cancelled)
    resumeAwakened()
  }
}
