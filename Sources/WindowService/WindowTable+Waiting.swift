// Tasks that wait until something has gone, each by a ticket of its own, so that one that is cancelled goes on alone.

extension WindowTable {
  /// What can be waited for.
  enum Awaited: Hashable {
    case window(UInt64)
    case attachment(UInt64)
  }

  /// Suspends until it has gone, or the task is cancelled.
  func untilGone(_ awaited: Awaited) async {
    lastTicket += 1
    let ticket = lastTicket
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        // Looked at here, after the last moment at which another could have its turn: it may have gone meanwhile.
        guard isThere(awaited), !Task.isCancelled else { return continuation.resume() }
        waiting[awaited, default: [:]][ticket] = continuation
      }
    } onCancel: {
      Task(executorPreference: loop) { await self.stopWaiting(for: awaited, ticket) }
    }
  }

  /// Resumes all who wait for what has gone.
  func resumeWaiting(for awaited: Awaited) {
    for continuation in (waiting.removeValue(forKey: awaited) ?? [:]).values { continuation.resume() }
  }

  private func stopWaiting(for awaited: Awaited, _ ticket: UInt64) {
    waiting[awaited]?.removeValue(forKey: ticket)?.resume()
  }

  private func isThere(_ awaited: Awaited) -> Bool {
    switch awaited {
    case .window(let id): windows[id] != nil
    case .attachment(let ticket): attachments[ticket] != nil
    }
  }
}
