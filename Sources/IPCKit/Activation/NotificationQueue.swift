// Messages to the service manager on their way from a loop: in order, by a thread that may block. It stays once it is
// there: a manager that hears nothing of a service whose user may have no more threads would end it.

/// What a loop has to tell the manager.
///
/// It knows no loop, only how to reach one: a thread that blocks must not keep a loop's descriptors open.
final class NotificationQueue: Sendable {
  private struct State {
    var waiting: [QueuedNotification] = []
    /// Whether there is a thread that sends.
    var hasThread = false
    /// Nothing will be added any more.
    var isOver = false
  }

  private let state = Lock(State())
  private let condition = Condition()
  private let inbox: Inbox

  init(for inbox: Inbox) { self.inbox = inbox }

  /// Adds a message, which is sent after those that were added before. Only the loop's thread adds. pthread_create(3), the
  /// first time.
  /// - Throws: EAGAIN when the system has no more threads; the message is not sent then.
  func add(_ notification: QueuedNotification) throws(SystemError) {
    if !state.withLock({ $0.hasThread }) {
      try startThread { self.sendAll() }
      state.withLock { $0.hasThread = true }
    }
    state.withLock { $0.waiting.append(notification) }
    condition.signal()
  }

  /// Lets the thread end, once it has sent what is there.
  func end() {
    state.withLock { $0.isOver = true }
    condition.signal()
  }

  private func sendAll() {
    while let notification = next() {
      notification.send()
      if let waiter = notification.waiter { inbox.leave(.cancellation(waiter)) }
    }
  }

  /// Waits for the next message; nil when there will be none.
  private func next() -> QueuedNotification? {
    state.wait(on: condition) { state -> QueuedNotification?? in
      if !state.waiting.isEmpty { return .some(state.waiting.removeFirst()) }
      return state.isOver ? .some(nil) : nil
    }
  }
}

/// A message with what it carries and, once it was sent, how that ended.
final class QueuedNotification: @unchecked Sendable {
  private let message: ServiceMessage
  /// The wait that ends when it was sent, unless somebody hears of that by other means.
  let waiter: WaitKey?
  /// Used by the thread that sends alone, from when it was queued.
  private var descriptors: DescriptorList
  private let outcome = Lock<Result<Void, SystemError>?>(nil)

  init(_ message: ServiceMessage, with descriptors: consuming DescriptorList, waiter: WaitKey?) {
    self.message = message
    self.descriptors = descriptors
    self.waiter = waiter
  }

  /// Sends it, which may block, and closes what it carried.
  func send() {
    let result: Result<Void, SystemError>
    do throws(SystemError) {
      result = .success(try message.send(lending: descriptors))
    } catch {
      result = .failure(error)
    }
    outcome.withLock { $0 = result }
    // Before anyone goes on who could count descriptors, and after the outcome: for a barrier this is the hang-up.
    descriptors = DescriptorList()
  }

  /// Throws the error of sending. Nothing is thrown before it was sent.
  func check() throws(SystemError) {
    if case .failure(let error) = outcome.withLock({ $0 }) { throw error }
  }
}

/// A barrier on its way: a pipe whose other end the manager closes.
struct QueuedBarrier: ~Copyable {
  private let hangup: EventSource
  private let notification: QueuedNotification

  init(in queue: NotificationQueue, on loop: EventLoop) throws(SystemError) {
    let pipe = try Pipe(nonBlocking: true)
    let source = try EventSource(nonBlocking: pipe.reading, on: loop)
    let message = QueuedNotification(.barrier, with: DescriptorList(pipe.writing), waiter: nil)
    try queue.add(message)
    hangup = source
    notification = message
  }

  nonisolated(nonsending) func passed(_ deadline: Deadline) async throws(IPCError) {
    try await hangup.registration.wait(for: .hangup, deadline, "barrier")
    // What could not be sent hangs up too.
    try IPCError.wrap { () throws(SystemError) in try notification.check() }
  }
}
