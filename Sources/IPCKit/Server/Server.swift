// Accepting and answering: what a program says of its server, and the task that all its handlers are children of.

internal import Glibc

/// When an async handler begins.
@frozen public enum HandlerStart: Sendable {
  /// With the client's first byte: a silent connection costs no task.
  case firstByte
  /// At once: for servers that speak first.
  case connection
}

/// Serves connections of listeners until its task is cancelled.
///
/// ```swift
/// let loop = try EventLoop()
/// try loop.run {
///   let server = Server(try UnixListener(binding: "/run/user/1000/echo.sock"), on: loop)
///   try await server.run { connection in
///     var input = connection.input
///     while let line = try await input.nextLine() { try await connection.writeLine(line) }
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
    let loops: Int
    let policy: PeerPolicy
    let limits: ServerLimits
    let framing: Framing
    let counters: ServerCounters
    let stop: ServerStop
    let observe: @Sendable (Event) -> Void
    /// Where the server was made.
    let site: CallSite
  }

  private var listeners: [ListenerBox]
  private let settings: Settings

  /// Takes over the listener.
  /// - Parameters:
  ///   - listener: closed when the server ends, its path removed if it was ours.
  ///   - loop: where everything runs, or whatever is not on one of the other loops.
  ///   - loops: how many loops serve. Each beyond the first has a thread of its own while the server runs, and handlers
  ///     run on the one that their connection belongs to: on the one that had the fewest when it came.
  ///   - policy: who is let in; this user and root.
  ///   - framing: what a frame is to a reply handler, and to ``Connection/nextFrame(deadline:)``.
  ///   - limits: what a connection may take.
  ///   - stop: ends the server well.
  ///   - observe: called for each event, on the loop that it happens on; it must not block.
  ///   - fileID: with `line`, the ``DescriptorOrigin`` of what it accepts and receives.
  ///   - line: as `fileID`.
  /// - Precondition: there is at least one loop, the listener is one for streams, and ``ServerLimits/descriptorsPerFrame``
  ///   is 0 to 253.
  public init(
    _ listener: consuming UnixListener, on loop: EventLoop, loops: Int = 1,
    admitting policy: PeerPolicy = .sameUserOrRoot,
    framing: Framing = .line, limits: ServerLimits = ServerLimits(), stop: ServerStop = ServerStop(),
    observe: @escaping @Sendable (Event) -> Void = { _ in }, fileID: StaticString = #fileID, line: UInt32 = #line
  ) {
    precondition(loops > 0, "a server needs a loop")
    let most = DescriptorList.mostInMessage
    precondition((0...most).contains(limits.descriptorsPerFrame), "a message carries 0 to \(most) descriptors")
    let site = CallSite(fileID, line)
    listeners = [Self.box(listener, at: site)]
    settings = Settings(
      loop: loop, loops: loops, policy: policy, limits: limits, framing: framing,
      counters: ServerCounters(loops: loops), stop: stop, observe: observe, site: site)
  }

  /// Serves another listener too, which it takes over.
  /// - Precondition: it is one for streams.
  public mutating func add(_ listener: consuming UnixListener) {
    listeners.append(Self.box(listener, at: settings.site))
  }

  private static func box(_ listener: consuming UnixListener, at site: CallSite) -> ListenerBox {
    precondition(listener.type == .stream, "a server reads streams")
    return ListenerBox(listener, at: site)
  }

  /// What the server has done so far, to be read while it runs.
  public var counters: ServerCounters { settings.counters }

  /// Serves with a task for each connection that has something to wait for, until the server is stopped or this task is
  /// cancelled, which cancels the handlers too; then waits for their end.
  ///
  /// Each handler owns its connection, and its failure ends that connection alone. A closure that reads by the connection
  /// itself, and not by its ``Connection/input``, says so: `{ (connection: consuming Connection) in … }`.
  /// - Parameters:
  ///   - start: when a handler begins.
  ///   - handler: runs on the loop.
  /// - Throws: what registering a listener or removing its path reports; ESHUTDOWN when somebody who shares a listener has
  ///   shut it down: it ends as a server that is cancelled then.
  nonisolated(nonsending) public consuming func run(
    startingAt start: HandlerStart = .firstByte,
    _ handler: @escaping @Sendable (consuming Connection) async throws -> Void
  ) async throws(SystemError) {
    try await serve { [settings] loop, index in
      ServerCore(settings, on: loop, number: index, replying: nil, startingAt: start, handler)
    }
  }

  /// Serves with a reply handler, which costs no task; otherwise as ``run(startingAt:_:)``.
  /// - Parameters:
  ///   - replyHandler: runs on the loop, between other jobs.
  ///   - handler: goes on with the connections that the reply handler hands over.
  nonisolated(nonsending) public consuming func run(
    replying replyHandler: ReplyHandler,
    handingOverTo handler: @escaping @Sendable (consuming Connection) async throws -> Void = { _ in }
  ) async throws(SystemError) {
    try await serve { [settings] loop, index in
      ServerCore(settings, on: loop, number: index, replying: replyHandler, startingAt: .firstByte, handler)
    }
  }

  /// Serves with what `make` makes for each loop.
  nonisolated(nonsending) private consuming func serve(
    _ make: (EventLoop, Int) -> ServerCore
  ) async throws(SystemError) {
    settings.loop.checkCurrent()
    let entrance: Entrance
    do throws(SystemError) {
      var cores = [make(settings.loop, 0)]
      for index in 1..<settings.loops {
        cores.append(make(try EventLoop(fileID: settings.site.fileID, line: settings.site.line), index))
      }
      entrance = try Entrance(settings, cores: cores)
      try entrance.open(listeners)
    } catch {
      // Their paths are removed as they are by a server that has begun.
      for box in listeners { try? box.take()?.close() }
      throw error
    }
    if let deadline = settings.stop.attach(entrance) { entrance.drain(until: deadline) }
    await withTaskCancellationHandler {
      await entrance.serve()
    } onCancel: {
      // Not held: the loop may have had its last turn.
      entrance.loop.call { [weak entrance] in entrance?.taskWasCancelled() }
    }
    _ = settings.stop.attach(nil)
    try entrance.finish()
  }
}
