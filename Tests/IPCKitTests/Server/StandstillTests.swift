// A process that stands still for longer than its peers may take: stopped, traced, or held up by a handler. What came in
// the meantime came in time, as far as anybody knows: it is looked at before the deadlines are.

import Glibc
import IPCKit
import IPCKitTesting
import Synchronization
import Testing

@Suite(.leakFree, .serialized, .timeLimit(.minutes(5))) struct StandstillTests {
  private static let frameTime = Duration.seconds(4)
  /// More than one look at the kernel's events shows.
  private static let crowd = 300

  /// What the loop's thread does.
  private enum Standstill {
    static let hasBegun = Atomic(false)
    static let mayEnd = Atomic(false)

    static func reset() {
      hasBegun.store(false, ordering: .releasing)
      mayEnd.store(false, ordering: .releasing)
    }

    /// Safe in a signal handler too.
    static func stand() {
      hasBegun.store(true, ordering: .releasing)
      while !mayEnd.load(ordering: .acquiring) { usleep(1000) }
    }
  }

  private static func hear(_ frame: String, _ thread: Lock<pthread_t>) {
    thread.withLock { $0 = pthread_self() }
    // Whoever started it may have kept all signals from it.
    var signals = sigset_t()
    // The three calls fill or read the set alone.
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGUSR1)
    unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    if frame == "stand still" { Standstill.stand() }
  }

  private static func answerer(_ kind: HandlerKind, _ thread: Lock<pthread_t>) -> Answerer {
    switch kind {
    case .reply:
      Answerer(
        ReplyHandler { frame, reply in
          let line = text(frame) ?? ""
          hear(line, thread)
          reply.write(line + "\n")
        })
    case .task:
      Answerer { (connection: consuming Connection) in
        while let line = text(try await connection.nextFrame()) {
          hear(line, thread)
          try await connection.writeLine(Array(line.utf8))
        }
      }
    }
  }

  /// Lines that begin before a standstill and come to their end in it, which is longer than a line may take.
  private func standStill(_ kind: HandlerKind, _ begin: @escaping @Sendable (Peer, pthread_t) throws -> Void)
    async throws
  {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let thread = Lock<pthread_t>(0)
    Standstill.reset()
    let setup = Setup {
      $0.frameTime = Self.frameTime
      ($0.connections, $0.connectionsPerUser) = (1000, 1000)
    }
    try await withService(at: path, setup, by: Self.answerer(kind, thread)) { service in
      let steady = try Peer(path)
      #expect(try steady.ask("where") == "where")
      let peers = try (0..<Self.crowd).map { _ in try Peer(path) }
      let before = service.counters.bytesReceived
      for peer in peers { try peer.client.send("half") }
      try eventually { service.counters.bytesReceived == before + 4 * Self.crowd }
      try begin(steady, thread.withLock { $0 })
      try eventually { Standstill.hasBegun.load(ordering: .acquiring) }
      for peer in peers { try peer.client.send(" and half\n") }
      let deadline = Deadline.after(Self.frameTime)
      try eventually { deadline.hasPassed }
      Standstill.mayEnd.store(true, ordering: .releasing)
      for peer in peers { #expect(try peer.client.line() == "half and half") }
      #expect(service.counters.deadlinesPassed == 0)
    }
  }

  @Test(arguments: HandlerKind.allCases) func handlerHoldsUpTheLoop(kind: HandlerKind) async throws {
    try await standStill(kind) { steady, _ in try steady.client.send("stand still\n") }
  }

  @Test(arguments: HandlerKind.allCases) func processIsStoppedWhileItWaits(kind: HandlerKind) async throws {
    // As after SIGSTOP and SIGCONT, the wait for events ends with EINTR, long after its time.
    signal(SIGUSR1) { _ in Standstill.stand() }
    try await standStill(kind) { _, thread in pthread_kill(thread, SIGUSR1) }
  }
}
