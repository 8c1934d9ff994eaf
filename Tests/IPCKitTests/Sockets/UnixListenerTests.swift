// Owning a path: who gets it, what is swept away and what never is, and what a failed attempt leaves. Whatever counts
// descriptors, forks, changes the umask or binds a path again runs as an exit test, in a process of its own: a child that
// another test starts holds a copy of each descriptor until it executes its program.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct UnixListenerTests {
  private static let soon = Duration.seconds(60)

  @Test func acceptedConnectionCarriesBytesBothWays() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory("s")))
    let client = try UnixStream(connectingTo: .path(directory("s")), deadline: .after(Self.soon))
    let accepted = try listener.accept(deadline: .after(Self.soon))
    #expect(try accepted.isCloseOnExec)
    #expect(try accepted.isNonBlocking)
    try client.descriptor.writeAll("ping")
    var reader = BufferedReader(accepted)
    #expect(try text(reader.next(exactly: 4, deadline: .after(Self.soon))) == "ping")
    try reader.descriptor.writeAll("pong")
    var answer = BufferedReader(client.intoDescriptor())
    #expect(try text(answer.next(exactly: 4, deadline: .after(Self.soon))) == "pong")
  }

  @Test func acceptEndsAtTheDeadline() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory("s")))
    let used = threadProcessorTime()
    let ended = ipcFailure { _ = try listener.accept(deadline: .after(.milliseconds(50))) }
    #expect(ended == .deadlineExceeded(operation: "accept"))
    #expect(threadProcessorTime() - used < 0.04)
  }

  @Test func closeRemovesTheFileAndKeepsTheLockFile() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory("s")))
    #expect(entries(of: directory.path) == ["s", "s.lock"])
    try listener.close()
    #expect(entries(of: directory.path) == ["s.lock"])
  }

  @Test func secondListenerGoesOnWhereTheFirstStopsAndLeavesThePath() throws {
    let directory = try TemporaryDirectory()
    let first = try UnixListener(binding: .path(directory("s")))
    let second = try first.duplicate()
    #expect(try second.path == directory("s"))
    // Who came to the one waits at the other.
    let client = try UnixStream(connectingTo: .path(directory("s")))
    let connection = try second.accept(deadline: .after(.seconds(60)))
    #expect(try connection.isCloseOnExec)
    try second.close()
    #expect(entries(of: directory.path) == ["s", "s.lock"] && isListening(directory("s")))
    try first.close()
    #expect(entries(of: directory.path) == ["s.lock"])
    withExtendedLifetime(client) {}
  }

  @Test func endWithoutCloseLeavesAFileThatTheNextOneSweeps() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      func forget() throws { _ = try UnixListener(binding: .path(directory("s"))) }
      try forget()
      #expect(entries(of: directory.path) == ["s", "s.lock"])
      try UnixListener(binding: .path(directory("s"))).close()
      #expect(entries(of: directory.path) == ["s.lock"])
    }
  }

  @Test func pathIsFreeThoughAChildHasACopyOfTheLock() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let listener = try UnixListener(binding: .path(directory("s")))
      // As between a clone and its exec: the open file, and so the lock on it, is the child's too.
      let child = ForkedChild { while true { pause() } }
      try listener.close()
      let next = Result { try UnixListener(binding: .path(directory("s"))).close() }
      child.kill()
      _ = child.wait()
      try next.get()
    }
  }

  @Test func someoneElsesFileIsKept() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory("s")))
    try remove(directory("s"))
    let other = try boundSocket(directory("s"), backlog: 1)
    try listener.close()
    #expect(isListening(directory("s")))
    try other.close()
  }

  @Test func fileThatIsGoneIsNoFailure() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory("s")))
    try remove(directory("s"))
    try listener.close()
  }

  @Test func pathIsFreeAfterClose() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      for _ in 0..<3 {
        let listener = try UnixListener(binding: .path(directory("s")))
        #expect(isListening(directory("s")))
        try listener.close()
      }
    }
  }

  @Test func longestPathOfAnAddressFits() throws {
    let directory = try TemporaryDirectory()
    let name = String(repeating: "n", count: 107 - directory("").utf8.count)
    #expect(directory(name).utf8.count == 107)
    let listener = try UnixListener(binding: .path(directory(name)))
    #expect(isListening(directory(name)))
    try listener.close()
  }

  @Test func secondListenerOfThisProcessIsRefused() throws {
    let directory = try TemporaryDirectory()
    let first = try UnixListener(binding: .path(directory("s")))
    let ended = systemFailure { _ = try UnixListener(binding: .path(directory("s"))) }
    #expect(ended == SystemError(errno: EADDRINUSE, operation: "lock", object: directory("s.lock")))
    #expect(isListening(directory("s")))
    try first.close()
  }

  @Test func listenerWithoutALockIsNeverSwept() throws {
    let directory = try TemporaryDirectory()
    let foreign = try boundSocket(directory("s"), backlog: 5)
    let ended = systemFailure { _ = try UnixListener(binding: .path(directory("s"))) }
    #expect(ended == SystemError(errno: EADDRINUSE, operation: "bind", object: directory("s")))
    #expect(isListening(directory("s")))
    try foreign.close()
  }

  @Test func listenerWithAFullBacklogIsNeverSwept() throws {
    let directory = try TemporaryDirectory()
    let foreign = try boundSocket(directory("s"), backlog: 0)
    let waiting = try connectWithoutWaiting(directory("s"))
    let ended = systemFailure { _ = try UnixListener(binding: .path(directory("s"))) }
    #expect(ended == SystemError(errno: EADDRINUSE, operation: "bind", object: directory("s")))
    #expect(mode(of: directory("s")) != nil)
    try waiting.close()
    try foreign.close()
  }

  @Test func datagramSocketIsNeverSwept() throws {
    let directory = try TemporaryDirectory()
    let foreign = try boundSocket(directory("s"), SOCK_DGRAM)
    let ended = systemFailure { _ = try UnixListener(binding: .path(directory("s"))) }
    #expect(ended == SystemError(errno: EADDRINUSE, operation: "bind", object: directory("s")))
    #expect(mode(of: directory("s")) != nil)
    try foreign.close()
  }

  @Test func socketOfADeadProcessIsSwept() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let path = directory("s")
      let ready = try Pipe()
      let child = ForkedChild {
        guard let listener = try? UnixListener(binding: .path(path)) else { return 1 }
        guard (try? ready.writing.writeAll("ready\n")) != nil else { return 2 }
        while true { _ = try? listener.accept() }
      }
      var reader = BufferedReader(ready.intoReading())
      #expect(try reader.nextLine(as: String.self) == "ready")
      #expect(systemFailure { _ = try UnixListener(binding: .path(path)) }?.errno == EADDRINUSE)
      child.kill()
      #expect(child.wait() == -SIGKILL)
      #expect(mode(of: path) != nil)
      let listener = try UnixListener(binding: .path(path))
      #expect(isListening(path))
      try listener.close()
    }
  }

  @Test func ofTwentyProcessesAtOnceExactlyOneWins() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let path = directory("s")
      for round in 0..<20 {
        // A dead one's socket lies there each time, for everybody to sweep.
        #expect(ForkedChild { (try? UnixListener(binding: .path(path))) == nil ? 1 : 0 }.wait() == 0)
        let winners = try racers(20, for: path)
        #expect(winners == 1, "round \(round)")
      }
    }
  }

}

/// Forks children that try to bind at the same moment and hold what they got until all have tried.
/// - Returns: how many of them got it; -1 when something else went wrong.
private func racers(_ count: Int, for path: String) throws -> Int {
  let (start, tried, stop) = (try Gate(), try Gate(), try Gate())
  let children = (0..<count).map { _ in
    ForkedChild {
      start.enter()
      do {
        let listener = try UnixListener(binding: .path(path))
        tried.open(for: 1)
        stop.enter()
        // Not closed: the file stays for the next round's racers to sweep.
        _ = listener
        return 0
      } catch {
        tried.open(for: 1)
        stop.enter()
        return systemFailure { throw error }?.errno == EADDRINUSE ? 1 : 2
      }
    }
  }
  start.open(for: count)
  for _ in 0..<count { tried.enter() }
  let reachable = isListening(path)
  stop.open(for: count)
  let statuses = children.map { $0.wait() }
  return reachable && !statuses.contains(2) ? statuses.count { $0 == 0 } : -1
}
