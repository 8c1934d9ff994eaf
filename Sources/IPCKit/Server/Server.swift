// Accepting: one task for each connection, all of them children of the server's, so that none outlives it.

internal import Glibc

/// Serves connections of a listener until its task is cancelled.
///
/// ```swift
/// let loop = try EventLoop()
/// let failure = loop.run {
///   do throws(SystemError) {
///     let server = Server(try UnixListener(binding: "/run/user/1000/echo.sock"), on: loop)
///     try await server.run { (connection: consuming Connection) in
///       while let line = try await connection.nextLine(as: [UInt8].self) {
///         try await connection.write(line + [UInt8(ascii: "\n")])
///       }
///     }
///     return nil as SystemError?
///   } catch {
///     return error
///   }
/// }
/// ```
public struct Server: ~Copyable {
  /// What happens to a server that its handlers do not see.
  public enum Event: Sendable {
    /// A peer was turned away before a byte was read.
    case refused(PeerCredentials)
    /// A connection ended by an error: the handler's, or one before the handler began.
    case failed(any Error)
    /// The kernel hands out no more connections; the listener rests before it tries again.
    case acceptFailed(SystemError)
  }

  private let listener: UnixListener
  private let loop: EventLoop
  private let policy: PeerPolicy
  private let limits: ConnectionLimits
  private let stop: AcceptStop
  private let observe: @Sendable (Event) -> Void

  /// How long the listener waits after accept4(2) failed.
  private static let backoff = Duration.milliseconds(100)
  /// How many connections are accepted before others get their turn.
  private static let batch = 64

  /// Takes over the listener.
  /// - Parameters:
  ///   - listener: closed when the server ends, its path removed if it was ours.
  ///   - loop: where everything runs.
  ///   - policy: who is let in; this user and root.
  ///   - limits: what a connection may take.
  ///   - stop: ends the listening, while the handlers go on.
  ///   - observe: called on the loop for each event; it must not block.
  public init(
    _ listener: consuming UnixListener, on loop: EventLoop, admitting policy: PeerPolicy = .sameUserOrRoot,
    limits: ConnectionLimits = ConnectionLimits(), stop: AcceptStop = AcceptStop(),
    observe: @escaping @Sendable (Event) -> Void = { _ in }
  ) {
    self.listener = listener
    self.loop = loop
    self.policy = policy
    self.limits = limits
    self.stop = stop
    self.observe = observe
  }

  /// Accepts until it is told to stop or the task is cancelled, which cancels the handlers too; then stops listening and
  /// waits for their end.
  ///
  /// Each handler owns its connection, and its failure ends that connection alone.
  /// - Throws: what registering the listener or removing its path reports.
  nonisolated(nonsending) public consuming func run(
    _ handler: @escaping @Sendable (consuming Connection) async throws -> Void
  ) async throws(SystemError) {
    let (loop, policy, limits, stop, observe) = (loop, policy, limits, stop, observe)
    // Taken inside the group, which cannot consume what it captures, so that it is closed before the handlers end.
    var watched: WatchedListener? = try WatchedListener(listener, on: loop)
    let failure = await withDiscardingTaskGroup { group -> SystemError? in
      guard let listener = watched.take() else { return nil }
      var accepted = 0
      while !Task.isCancelled, !stop.isStopped {
        guard let descriptor = await Self.accept(from: listener, on: loop, until: stop, observe) else {
          accepted = 0
          continue
        }
        // A closure cannot consume what it captures, so the number is owned again inside; the task always runs.
        let number = descriptor.release()
        group.addTask(executorPreference: loop) {
          let descriptor = unsafe FileDescriptor(owning: number)
          do {
            let peer = try descriptor.peerCredentials()
            guard policy.admits(peer) else { return observe(.refused(peer)) }
            try await handler(try Connection(descriptor, peer: peer, limits: limits, on: loop))
          } catch IPCError.cancelled where Task.isCancelled {
            // The server's own end is no failure of the handler's.
          } catch {
            observe(.failed(error))
          }
        }
        accepted += 1
        if accepted.isMultiple(of: Self.batch) { await Task.yield() }
      }
      do throws(SystemError) {
        try listener.close()
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  /// The next connection; nil when there was none to accept, after waiting for one.
  nonisolated(nonsending) private static func accept(
    from listener: borrowing WatchedListener, on loop: EventLoop, until stop: AcceptStop,
    _ observe: @Sendable (Event) -> Void
  ) async -> FileDescriptor? {
    var hasFailed = false
    while !Task.isCancelled, !stop.isStopped {
      do throws(SystemError) {
        if let descriptor = try listener.acceptPending() { return descriptor }
        break
      } catch {
        // Once an episode, however long it lasts.
        if !hasFailed { observe(.acceptFailed(error)) }
        hasFailed = true
        await loop.sleep(until: .after(backoff))
      }
    }
    // Cancelled is the only way it can fail, and the caller looks for that.
    try? await listener.acceptable(until: stop)
    return nil
  }
}
