// The thread that everything of a server runs on: an epoll loop that is its tasks' executor, so that a message costs what
// it costs in C, and nothing ever hops to another thread.

internal import CIPCShim
internal import Glibc
internal import Synchronization

/// An epoll loop that runs tasks.
///
/// ``run(_:)`` turns the calling thread into the loop. Tasks that start there, their children and every actor that names
/// the loop's ``serialExecutor`` stay on that thread. A call that blocks stops them all: give it to ``blocking(_:)``, which has
/// a thread for it.
///
/// ```swift
/// let loop = try EventLoop()
/// loop.run {
///   await loop.sleep(until: .after(.milliseconds(10)))
/// }
/// ```
@safe public final class EventLoop: TaskExecutor, @unchecked Sendable {
  /// Owned by this object; touched on the loop's thread alone, which `precondition(isCurrent)` guards.
  private let storage: UnsafeMutablePointer<LoopCore>
  /// What other threads leave for the loop.
  let inbox: Inbox
  /// The executor for actors that live on this loop.
  public let serialExecutor = LoopSerialExecutor()
  /// The number of the running thread, 0 while none runs.
  private let thread = Atomic<UInt>(0)

  /// Makes a loop that does not run yet. epoll_create1(2), eventfd(2).
  /// - Parameters:
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: EMFILE, ENFILE, ENOMEM.
  public init(fileID: StaticString = #fileID, line: UInt32 = #line) throws(SystemError) {
    let made = try LoopCore(at: CallSite(fileID, line))
    inbox = Inbox(waking: made.wakeupNumber)
    unsafe storage = .allocate(capacity: 1)
    let parking = made.parkingPlace
    unsafe storage.initialize(to: made)
    unsafe serialExecutor.loop = self
    unsafe parking.executor.core = storage
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

  /// The same for who is as long-lived as the loop and does not want to go through it.
  @unsafe var coreAddress: UnsafeMutablePointer<LoopCore> { unsafe storage }

  /// Whether the caller runs on the loop's thread.
  public var isCurrent: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

  /// Runs `body` as a task on the calling thread and returns when it ends; other tasks of the loop stop then.
  ///
  /// - Throws: what `body` throws.
  /// - Precondition: the loop is not running already.
  public func run<Success: Sendable, Failure: Error>(
    _ body: @escaping @Sendable () async throws(Failure) -> Success
  ) throws(Failure) -> Success {
    let before = thread.exchange(UInt(pthread_self()), ordering: .relaxed)
    precondition(before == 0, "the event loop runs already")
    defer { thread.store(0, ordering: .relaxed) }
    let outcome = Outcome<Success, Failure>()
    Task(executorPreference: self) {
      do throws(Failure) {
        outcome.result = .success(try await body())
      } catch {
        outcome.result = .failure(error)
      }
      self.core.isFinished = true
    }
    runUntilFinished()
    guard let result = outcome.result else { preconditionFailure("the body has ended and returned nothing") }
    return try result.get()
  }

  /// The turns. Not generic, so that each costs what it does and nothing for the type of the result.
  private func runUntilFinished() {
    core.isFinished = false
    while true {
      if !core.jobs.isEmpty { runJobs() }
      if core.isFinished { return }
      endTurn()
      pollEvents()
    }
  }

  /// Ends the program with a reason when called from elsewhere: the loop's state is one thread's.
  func checkCurrent() {
    precondition(isCurrent, "an event loop's connection or timer was used outside the loop's thread")
  }
}

/// How a loop's body ended: written and read on its thread.
private final class Outcome<Success: Sendable, Failure: Error>: @unchecked Sendable {
  var result: Result<Success, Failure>?
}

// MARK: - Running jobs

extension EventLoop {
  /// Takes a job from the runtime: on the loop's thread without a lock and without a system call.
  public func enqueue(_ job: consuming ExecutorJob) {
    // The runtime gives each job once, and the loop runs each once.
    enqueue(JobQueue.Entry(job: UnownedJob(job), isActors: false))
  }

  func enqueue(_ entry: JobQueue.Entry) {
    if isCurrent { core.jobs.append(entry) } else { inbox.leave(.job(entry)) }
  }

  /// Runs the jobs that are ready and those that they make ready: a few rounds, so that a task that changes functions
  /// costs no system call, and no more, so that one who keeps yielding shuts nobody out.
  private func runJobs() {
    let executor = unsafe asUnownedTaskExecutor()
    var rounds = 0
    while rounds < 16, !core.jobs.isEmpty {
      for _ in 0..<core.jobs.count { unsafe runJob(core.jobs.removeFirst(), executor) }
      rounds += 1
    }
  }

  @inline(__always)
  private func runJob(_ entry: JobQueue.Entry, _ executor: UnownedTaskExecutor) {
    // The executors are as long-lived as the loop, which runs this.
    if entry.isActors {
      unsafe entry.job.runSynchronously(on: serialExecutor.asUnownedSerialExecutor())
    } else {
      unsafe entry.job.runSynchronously(on: executor)
    }
  }

  /// Tells those who asked for it that the turn's jobs have run.
  @inline(__always)
  private func endTurn() {
    if !core.deferred.isEmpty { tellDeferred() }
  }

  private func tellDeferred() {
    let count = core.deferred.count
    // One by one from the list itself: what one of them does may end another.
    for index in 0..<count {
      if let target = core.deferred[index] { unsafe target.tell { unsafe $0.turnEnded($1) } }
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
      count = pollAgain(after: error)
    }
    for position in 0..<count {
      guard let (target, events) = core.note(position) else { continue }
      unsafe target.tell { unsafe $0.ready($1, events) }
    }
    if core.slots.hasTimers { expire() }
    if core.takeWakeup() { takeInbox() }
  }

  /// What no kernel says of a descriptor of ours: EBADF, EFAULT, EINVAL. Where it says it again, somebody else has closed
  /// that descriptor, and a loop that hears of nothing any more must not seem alive.
  private func pollAgain(after error: SystemError) -> Int {
    for _ in 0..<2 {
      if let count = try? core.poll(waiting: false) { return count }
    }
    fatalError("\(error)")
  }

  private func expire() {
    while true {
      switch core.expire() {
      case .none: return
      case .wait: continue
      case .receiver(let target, let interest): unsafe target.tell { unsafe $0.expired($1, interest) }
      }
    }
  }
}
