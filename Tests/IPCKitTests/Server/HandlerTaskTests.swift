// The tasks that handlers run in: they go from one connection to the next, and take nothing along.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct HandlerTaskTests {
  @TaskLocal static var note = 0

  @Test func aTaskGoesOnWithTheNextConnection() async {
    // In a process of its own: a child that another test starts has copies of the clients' descriptors for a while, and
    // with them their conversations go on.
    await #expect(processExitsWith: .success) { try await Self.fiftyConnectionsInTurn() }
  }

  private static func fiftyConnectionsInTurn() async throws {
    let directory = try TemporaryDirectory()
    let (path, tasks) = (directory("s"), Log<Int>())
    try await withServer(at: path) { (connection: consuming Connection) in
      // Asked for its number, within the call.
      unsafe tasks.append(withUnsafeCurrentTask { unsafe $0?.hashValue ?? 0 })
      while let line = text(try await connection.nextLine()) { try await connection.write(line + "\n") }
    } clients: {
      for _ in 0..<50 { try expectAnswer("hello", path) }
    }
    #expect(tasks.entries.count == 50)
    // One that ends just when the next begins may leave it to another.
    #expect(Set(tasks.entries).count < 10)
  }

  @Test func aHandlerThatCancelsItsTaskCancelsNoOther() async throws {
    let directory = try TemporaryDirectory()
    let (path, cancelled) = (directory("s"), Log<Bool>())
    try await withServer(at: path) { (connection: consuming Connection) in
      cancelled.append(Task.isCancelled)
      let line = text(try await connection.nextLine()) ?? ""
      // Cancelled within the call.
      unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
      try await connection.write(line + "\n")
    } clients: {
      for _ in 0..<20 { try expectAnswer("hello", path) }
      let peers = try (0..<20).map { _ in try Peer(path) }
      for peer in peers { try peer.client.send("all at once\n") }
      for peer in peers { #expect(try peer.client.line() == "all at once") }
    }
    #expect(cancelled.entries == Array(repeating: false, count: 40))
  }

  @Test func aValueOfTheTaskEndsWithItsHandler() async throws {
    let directory = try TemporaryDirectory()
    let (path, notes) = (directory("s"), Log<Int>())
    try await withServer(at: path) { (connection: consuming Connection) in
      let number = text(try await connection.nextLine()).flatMap { Int($0) } ?? 0
      notes.append(Self.note)
      try await Self.$note.withValue(number) {
        notes.append(Self.note)
        try await connection.write("\(Self.note)\n")
      }
    } clients: {
      for number in 1...10 { try expectAnswer("\(number)", path) }
    }
    #expect(notes.entries == (1...10).flatMap { [0, $0] })
  }

  @Test func asManyAsWaitAndThenAsManyAgain() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withServer(at: path) { (connection: consuming Connection) in
      while let line = text(try await connection.nextLine()) { try await connection.write(line + "\n") }
    } clients: {
      for round in 0..<5 {
        let peers = try (0..<100).map { _ in try Peer(path) }
        for (number, peer) in peers.enumerated() { #expect(try peer.ask("\(round) \(number)") == "\(round) \(number)") }
        for (number, peer) in peers.enumerated().reversed() { #expect(try peer.ask("\(number)") == "\(number)") }
      }
    }
  }

}

private func expectAnswer(_ line: String, _ path: String) throws {
  let answer = try Peer(path).ask(line)
  #expect(answer == line)
}
