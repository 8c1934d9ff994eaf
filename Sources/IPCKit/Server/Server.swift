// Accepting and answering: what a program says of its server, and the task that all its handlers are children of.

internal import Glibc

/// When an async handler begins.
public enum HandlerStart: Sendable {
  /// With the client's first byte: a silent connection costs no task.
  case firstByte
  /// At once: for servers that speak first.
  case connection
}

/// Serves connections of listeners until its task is cancelled.
///
/// ```swift
/// let loop = try EventLoop()
/// let failure = loop.run {
///   do throws(SystemError) {
///     let server = Server(try UnixListener(binding: "/run/user/1000/echo.sock"), on: loop)
///     try await server.run { (connection: consuming Connection) in
///       var input = connection.input
///       while let line = try await input.nextLine() { try await connection.writeLine(line) }
///     }
///     return nil as SystemError?
///   } catch {
///     return error
///   }
/// }
/// ```
public struct Server: ~Copyable {
  /// Why a connection was turned away.
  public enum Refusal: Sendable, CaseIterable {
    /// The policy does not admit the peer.
    case notAllowed
    /// There are as many connections as may be.
    case tooManyConnections
    /// The peer's user has as many as one may have.
    case tooManyOfOneUser
    /// The process has no descriptor left.
    case noDescriptors
  }

  /// What happens to a server that its handlers do not see.
  public enum Event: Sendable {
    /// A peer was turned away before a byte was read; its credentials, where they were asked for.
    case refused(Refusal, PeerCredentials?)
    /// A connection ended by an error: the handler's, or one before the handler began.
    case failed(any Error)
    /// The kernel hands out no more connections; the listener rests between attempts. Once, however long it lasts.
    case acceptFailed(SystemError)
  }

  /// What a program has said of a server.
  struct Settings {
    let loop: EventLoop
    let policy: PeerPolicy
    let limits: ServerLimits
    let framing: Framing
    let counters = ServerCounters()
    let stop: ServerStop
    let observe: @Sendable (Event) -> Void
  }

  private var listeners: [ListenerBox]
  private let settings: Settings

  /// Takes over the listener.
  /// - Parameters:
  ///   - listener: closed when the server ends, its path removed if it was ours.
  ///   - loop: where everything runs.
  ///   - policy: who is let in; this user and root.
  ///   - framing: what a frame is to a reply handler, and to ``Connection/nextFrame(deadline:)``.
  ///   - limits: what a connection may take.
  ///   - stop: ends the server well.
  ///   - observe: called on the loop for each event; it must not block.
  public init(
    _ listener: consuming UnixListener, on loop: EventLoop, admitting policy: PeerPolicy = .sameUserOrRoot,
    framing: Framing = .line, limits: ServerLimits = ServerLimits(), stop: ServerStop = ServerStop(),
    observe: @escaping @Sendable (Event) -> Void = { _ in }
  ) {
    listeners = [ListenerBox(listener)]
    settings = Settings(
      loop: loop, policy: policy, limits: limits, framing: framing, stop: stop, observe: observe)
  }

  /// Serves another listener too, which it takes over.
  public mutating func add(_ listener: consuming UnixListener) { listeners.append(ListenerBox(listener)) }

  /// What the server has done so far, to be read while it runs.
  public var counters: ServerCounters { settings.counters }

  /// Serves with a task for each connection that has something to wait for, until the server is stopped or this task is
  /// cancelled, which cancels the handlers too; then waits for their end.
  ///
  /// Each handler owns its connection, and its failure ends that connection alone.
  /// - Parameters:
  ///   - start: when a handler begins.
  ///   - handler: runs on the loop.
  /// - Throws: what registering a listener or removing its path reports.
  nonisolated(nonsending) public consuming func run(
    startingAt start: HandlerStart = .firstByte,
    _ handler: @escaping @Sendable (consuming Connection) async throws -> Void
  ) async throws(SystemError) {
    let core = try ServerCore(settings, replying: nil, startingAt: start, handler)
    try await Self.serve(core, listeners, settings.stop)
  }

  /// Serves with a reply handler, which costs no task; otherwise as ``run(startingAt:_:)``.
  /// - Parameters:
  ///   - replyHandler: runs on the loop, between other jobs.
  ///   - handler: goes on with the connections that the reply handler hands over.
  nonisolated(nonsending) public consuming func run(
    replying replyHandler: ReplyHandler,
    handingOverTo handler: @escaping @Sendable (consuming Connection) async throws -> Void = { _ in }
  ) async throws(SystemError) {
    let core = try ServerCore(settings, replying: replyHandler, startingAt: .firstByte, handler)
    try await Self.serve(core, listeners, settings.stop)
  }

  nonisolated(nonsending) private static func serve(
    _ core: ServerCore, _ listeners: [ListenerBox], _ stop: ServerStop
  ) async throws(SystemError) {
    core.loop.checkCurrent()
    try core.begin(listeners)
    if let deadline = stop.attach(core) { core.drain(until: deadline) }
    // A task of its own, which ends before this one does: so that handlers are cancelled once they have had their time.
    let handlers = Task.immediate(executorPreference: core.loop) { await Self.runHandlers(core) }
    core.state.handlers = handlers
    await withTaskCancellationHandler {
      await handlers.value
    } onCancel: {
      core.loop.call { core.cancel(afterDraining: core.limits.drainTime) }
    }
    _ = stop.attach(nil)
    try core.finish()
  }

  /// Lets a handler begin for each connection that has something to say, as a child of this task, until all is over;
  /// then waits for the handlers.
  nonisolated(nonsending) private static func runHandlers(_ core: ServerCore) async {
    await withDiscardingTaskGroup { group in
      while await core.untilTaskIsNeeded() {
        group.addImmediateTask(executorPreference: core.loop) { await core.runHandlers() }
      }
    }
  }
}
