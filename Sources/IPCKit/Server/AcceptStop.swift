// The first half of a server's end: nobody new is let in, while those who are there are served on.

internal import Synchronization

/// Tells a server to stop listening; its handlers go on until they end or the server's task is cancelled.
///
/// ```swift
/// let stop = AcceptStop()
/// let server = Server(try UnixListener(binding: "/run/example.sock"), on: loop, stop: stop)
/// // … later, on the loop or on any other thread:
/// stop.stop()
/// ```
public final class AcceptStop: Sendable {
  private struct State {
    var isStopped = false
    var waiting: (loop: EventLoop, key: WaiterKey)?
  }

  private let state = Mutex(State())

  /// A server that accepts.
  public init() {}

  /// Whether it has been told to stop.
  public var isStopped: Bool { state.withLock { $0.isStopped } }

  /// Stops the listening, once and for all; from any thread.
  public func stop() {
    let waiting = state.withLock { state in
      state.isStopped = true
      return state.waiting
    }
    if let waiting { waiting.loop.cancel(waiting.key) }
  }

  /// Remembers the wait that a stop is to end.
  func willWait(_ key: WaiterKey, on loop: EventLoop) {
    let isStopped = state.withLock { state in
      state.waiting = (loop, key)
      return state.isStopped
    }
    if isStopped { loop.cancel(key) }
  }
}
