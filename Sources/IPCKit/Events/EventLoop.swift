// The thread that everything of a server runs on: an epoll loop that is its tasks' executor, so that a message costs what
// it costs in C, and nothing ever hops to another thread.

internal import CIPCShim
internal import Glibc
internal import Synchronization

/// An epoll loop that runs tasks.
///
/// ``run(_:)`` turns the calling thread into the loop. Tasks that start there, their children and every actor that names
/// the loop as its executor stay on that thread. A call that blocks stops them all: give it to ``blocking(_:)``, which has
/// a thread for it.
///
/// ```swift
/// let loop = try EventLoop()
/// loop.run {
///   await loop.sleep(until: .after(.milliseconds(10)))
/// }
/// ```
@safe public final class EventLoop: TaskExecutor, SerialExecutor, @unchecked Sendable {
  /// Owned by this object; touched on the loop's thread alone, which `precondition(isCurrent)` guards.
  private let storage: UnsafeMutablePointer<LoopCore>
  /// What other threads leave for the loop.
  private let inbox = Mutex<[LoopMessage]>([])
  /// The core's descriptor that any thread may write to.
  private let wakeupNumber: CInt
  /// The number of the running thread, 0 while none runs.
  private let thread = Atomic<UInt>(0)

  /// Makes a loop that does not run yet. epoll_create1(2), eventfd(2).
  /// - Throws: EMFILE, ENFILE, ENOMEM.
  public init() throws(SystemError) {
    let made = try LoopCore()
    wakeupNumber = made.wakeupNumber
    unsafe storage = .allocate(capacity: 1)
    unsafe storage.initialize(to: made)
  }

  deinit {
    // Nothing can refer to it any more: registrations hold the loop.
    unsafe storage.deinitialize(count: 1)
    unsafe storage.deallocate()
  }

  /// The loop's state, for code on its thread.
  var core: LoopCore {
    unsafeAddress { unsafe UnsafePointer(storage) }
    unsafeMutableAddress { unsafe storage }
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
    let outcome = Outcome<Success>()
    Task(executorPreference: self) {
      let result = await body()
      outcome.set(result)
    }
    while true {
      runJobs()
      if let result = outcome.result { return result }
      endTurn()
      pollEvents()
    }
  }

  /// Ends the program with a reason when called from elsewhere: the loop's state is one thread's.
  func checkCurrent() {
    precondition(isCurrent, "an event loop's connection or timer was used outside the loop's thread")
  }
}

/// What a loop's body returned: written and read on its thread.
private final class Outcome<Success: Sendable>: @unchecked Sendable {
  private(set) var result: Success?
  func set(_ result: Success) { self.result = result }
}

// MARK: - Running jobs

extension EventLoop {
  /// Takes a job from the runtime: on the loop's thread without a lock and without a system call.
  public func enqueue(_ job: consuming ExecutorJob) {
    // The runtime gives each job once, and the loop runs each once.
    let job = UnownedJob(job)
    if isCurrent {
      core.jobs.append(job)
    } else {
      leave(.job(job))
    }
  }

  /// Ends the program when code that claims to be isolated to the loop is not on its thread.
  public func checkIsolated() { checkCurrent() }

  /// Runs the jobs that are ready and those that they make ready: a few rounds, so that a task that changes functions
  /// costs no system call, and no more, so that one who keeps yielding shuts nobody out.
  private func runJobs() {
    var rounds = 0
    while rounds < 16, !core.jobs.isEmpty {
      runRound()
      rounds += 1
    }
  }

  private func runRound() {
    var ready: [UnownedJob] = []
    swap(&ready, &core.jobs)
    for job in ready {
      unsafe job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
    }
    // The array goes back, so that a busy loop does not allocate one each turn.
    ready.removeAll(keepingCapacity: true)
    if core.jobs.isEmpty { swap(&ready, &core.jobs) }
  }

  /// Tells those who asked for it that the turn's jobs have run.
  private func endTurn() {
    let count = core.deferred.count
    guard count > 0 else { return }
    // One by one from the list itself: what one of them does may end another.
    for index in 0..<count {
      if let target = core.deferred[index] { unsafe target.receiver.turnEnded(target.token) }
    }
    core.removeDeferred(count)
  }
}

// MARK: - Events

extension EventLoop {
  /// Waits for events, or the earliest deadline, and tells those whom they are for.
  private func pollEvents() {
    let isIdle = core.jobs.isEmpty && core.deferred.isEmpty
    let count: Int
    do throws(SystemError) {
      count = try core.poll(waiting: isIdle)
    } catch {
      fatalError("\(error)")  // EBADF, EFAULT or EINVAL: this loop's own epoll descriptor is broken
    }
    for position in 0..<count {
      guard let (target, events) = core.note(position) else { continue }
      unsafe target.receiver.ready(target.token, events)
    }
    expire()
    if core.takeWakeup() { takeInbox() }
    resumeAwakened()
  }

  private func expire() {
    while true {
      switch core.expire() {
      case .none: return
      case .wait: continue
      case .receiver(let target, let interest): unsafe target.receiver.expired(target.token, interest)
      }
    }
  }

  /// Resumes those whose wait has ended.
  func resumeAwakened() {
    let awakened = unsafe core.takeAwakened()
    guard unsafe !awakened.isEmpty else { return }
    // Each wait ended once, and so was put there once.
    for unsafe (continuation, reason) in unsafe awakened { unsafe continuation.resume(returning: reason) }
    unsafe core.reuse(awakened)
  }
}

// MARK: - From other threads

/// What another thread may ask of a loop.
enum LoopMessage {
  case job(UnownedJob)
  case cancellation(WaitKey)
  case call(@Sendable () -> Void)
}

extension EventLoop {
  /// Runs `body` on the loop's thread: after what runs there now, even when this is that thread.
  func call(_ body: @escaping @Sendable () -> Void) { leave(.call(body)) }

  /// Ends the wait if it has not ended; from any thread.
  func cancel(_ key: WaitKey) {
    guard isCurrent else { return leave(.cancellation(key)) }
    guard core.slots.isCurrent(key) else { return }
    core.wake(key.slot, key.interest, .cancelled)
    resumeAwakened()
  }

  private func leave(_ message: LoopMessage) {
    let isFirst = inbox.withLock { inbox in
      inbox.append(message)
      return inbox.count == 1
    }
    if isFirst { wakeUp() }
  }

  private func takeInbox() {
    let messages = inbox.withLock { inbox in
      let messages = inbox
      inbox = []
      return messages
    }
    for message in messages {
      switch message {
      case .job(let job): core.jobs.append(job)
      case .cancellation(let key): cancel(key)
      case .call(let body): body()
      }
    }
  }

  private func wakeUp() {
    var one: UInt64 = 1
    // An eventfd takes eight bytes. EAGAIN means that it is far from zero already, which is as good.
    unsafe withUnsafeBytes(of: &one) { bytes in
      if let start = bytes.baseAddress { unsafe _ = ipc_write(wakeupNumber, start, bytes.count) }
    }
  }
}
