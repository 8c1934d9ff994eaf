// What other threads leave for a loop: jobs, cancellations and calls, under a lock that its own thread does not take.

internal import CIPCShim

/// What another thread may ask of a loop.
enum LoopMessage {
  case job(JobQueue.Entry)
  case cancellation(WaitKey)
  case call(@Sendable () -> Void)
}

extension EventLoop {
  /// Runs `body` on the loop's thread: after what runs there now, even when this is that thread.
  func call(_ body: @escaping @Sendable () -> Void) { leave(.call(body)) }

  /// Runs `body` on the loop's thread: now, where this is that thread.
  func perform(_ body: @escaping @Sendable () -> Void) { if isCurrent { body() } else { call(body) } }

  /// Ends the wait if it has not ended; from any thread.
  func cancel(_ key: WaitKey) {
    guard isCurrent else { return leave(.cancellation(key)) }
    guard core.slots.isCurrent(key) else { return }
    core.wake(key.slot, key.interest, .cancelled)
  }

  func leave(_ message: LoopMessage) {
    let isFirst = inbox.withLock { inbox in
      inbox.append(message)
      return inbox.count == 1
    }
    if isFirst { wakeUp() }
  }

  func takeInbox() {
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
