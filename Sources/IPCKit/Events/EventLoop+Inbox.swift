// How other threads reach a loop, and what it does with what they have left.

extension EventLoop {
  /// Runs `body` on the loop's thread: after what runs there now, even when this is that thread.
  func call(_ body: @escaping @Sendable () -> Void) { inbox.leave(.call(body)) }

  /// Runs `body` on the loop's thread: now, where this is that thread.
  func perform(_ body: @escaping @Sendable () -> Void) { if isCurrent { body() } else { call(body) } }

  /// Ends the wait if it has not ended; from any thread.
  func cancel(_ key: WaitKey) {
    guard isCurrent else { return inbox.leave(.cancellation(key)) }
    guard core.slots.isCurrent(key) else { return }
    core.wake(key.slot, key.interest, .cancelled)
  }

  func takeInbox() {
    for message in inbox.take() {
      switch message {
      case .job(let job): core.jobs.append(job)
      case .cancellation(let key): cancel(key)
      case .call(let body): body()
      }
    }
  }
}
