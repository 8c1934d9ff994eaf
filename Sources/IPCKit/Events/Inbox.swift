// What other threads leave for a loop: jobs, cancellations and calls, under a lock that its own thread takes only when it
// was woken up for it.

internal import CIPCShim
internal import Glibc

/// What another thread may ask of a loop.
enum LoopMessage {
  case job(JobQueue.Entry)
  case cancellation(WaitKey)
  case call(@Sendable () -> Void)
}

/// Messages for one loop. Apart from the loop, so that a thread that has nothing but this does not keep the loop's
/// descriptors open.
final class Inbox: Sendable {
  private let messages = Lock<[LoopMessage]>([])
  /// The loop's eventfd.
  private let wakeupNumber: CInt

  init(waking wakeupNumber: CInt) { self.wakeupNumber = wakeupNumber }

  /// Leaves a message and wakes the loop. The caller holds the loop, or the loop cannot end before it has this message.
  func leave(_ message: LoopMessage) {
    messages.withLock { messages in
      messages.append(message)
      // Under the lock: once the loop has the message, nobody writes to its descriptor any more.
      if messages.count == 1 { wakeUp() }
    }
  }

  /// What was left since the last time.
  func take() -> [LoopMessage] {
    messages.withLock { messages in
      defer { messages = [] }
      return messages
    }
  }

  private func wakeUp() {
    // Whatever else it says is tried again: a loop that is not woken would hear of nothing any more, and say nothing of it.
    for _ in 0..<3 {
      let outcome = ipc_add_count(wakeupNumber, 1)
      if outcome == 0 { return }
    }
    fatalError("an event loop cannot be woken: somebody else has closed its descriptor")
  }
}
