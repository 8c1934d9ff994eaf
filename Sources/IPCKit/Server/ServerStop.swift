// The first half of a server's end: nobody new is let in, while those who are there are served to the end of what they
// have begun.

/// Tells a server to end well: it stops listening, ends connections where a frame has ended, and lets handlers that have
/// more to do go on until a deadline.
///
/// ```swift
/// let stop = ServerStop()
/// let server = Server(try UnixListener(binding: "/run/example.sock"), on: try EventLoop(), stop: stop)
/// // … later, on the loop or on any other thread:
/// stop.stop(deadline: .after(.seconds(5)))
/// ```
public final class ServerStop: Sendable {
  private struct State {
    var deadline: Deadline?
    var server: Entrance?
  }

  private let state = Lock(State())

  /// A server that accepts.
  public init() {}

  /// Whether it has been told to stop.
  public var isStopped: Bool { state.withLock { $0.deadline != nil } }

  /// Stops the listening, once and for all; from any thread. Whoever has connected by then is let in, where the socket was
  /// made by this process; at one that was handed over he waits for whoever has it next. ``Server/run(startingAt:_:)`` returns when the last
  /// connection has ended; handlers that have not by the deadline are cancelled.
  public func stop(deadline: Deadline = .never) {
    let server = state.withLock { state in
      state.deadline = state.deadline ?? deadline
      return state.server
    }
    server?.loop.call { [weak server] in server?.drain(until: deadline) }
  }

  /// Names the server that a stop is for; answers the deadline if it came before. Nil when it has ended.
  func attach(_ server: Entrance?) -> Deadline? {
    state.withLock { state in
      state.server = server
      return state.deadline
    }
  }
}
