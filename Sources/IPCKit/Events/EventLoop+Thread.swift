// A loop on a thread of its own, for programs whose tasks live on other executors.

extension EventLoop {
  /// Runs `body` on a new loop, which has a thread of its own until `body` ends. epoll_create1(2), eventfd(2),
  /// pthread_create(3).
  ///
  /// For daemons that have executors already, and get a socket beside them. The task stays what it is: it is cancelled and
  /// has its values as before; only its code, and that of its child tasks, runs on the loop until this returns. What it
  /// awaits of an actor runs on the loop as well, unless the actor has an executor of its own: what takes long there holds
  /// up every connection. When this returns, the thread is done with the loop, whose descriptors are closed unless somebody
  /// else holds it.
  ///
  /// ```swift
  /// func serve(at path: String) async throws {
  ///   try await EventLoop.withThread { loop in
  ///     let server = Server(try UnixListener(binding: .path(path)), on: loop)
  ///     try await server.run(replying: ReplyHandler { line, reply in reply.writeLine(line) })
  ///   }
  /// }
  /// ```
  /// - Throws: ``SystemError`` with EMFILE, ENFILE, ENOMEM or, when the system has no more threads, EAGAIN; what `body`
  ///   throws.
  public static func withThread<Outcome: Sendable>(
    fileID: StaticString = #fileID, line: UInt32 = #line,
    // Sendable, or a closure of an actor's would stay where that is.
    _ body: @concurrent @Sendable (EventLoop) async throws -> Outcome
  ) async throws -> Outcome {
    let (end, ending) = AsyncStream<Never>.makeStream()
    let (rest, resting) = AsyncStream<Never>.makeStream()
    let loop = try EventLoop(fileID: fileID, line: line)
    let turns = LoopTurns(of: loop)
    try startThread {
      turns.run(until: end)
      resting.finish()
    }
    let outcome: Result<Outcome, any Error>
    do {
      outcome = .success(try await withTaskExecutorPreference(loop) { try await body(loop) })
    } catch {
      outcome = .failure(error)
    }
    ending.finish()
    // In a task of its own: this one may be cancelled, and would not wait.
    await Task { await rest.finished() }.value
    return try outcome.get()
  }
}

/// A loop on its way to its thread, which lets go of it before it says that it is done.
private final class LoopTurns: @unchecked Sendable {
  /// Touched by the thread alone, once it runs.
  private var loop: EventLoop?

  init(of loop: EventLoop) { self.loop = loop }

  func run(until end: AsyncStream<Never>) {
    let loop = loop.take()
    loop?.run { await end.finished() }
  }
}

extension AsyncStream<Never> {
  /// Returns when the stream is finished, or the task is cancelled.
  fileprivate func finished() async {
    for await _ in self {}
  }
}
