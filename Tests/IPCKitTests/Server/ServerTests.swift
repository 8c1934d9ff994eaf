// A server under clients that come in crowds, fail, stay silent, flood, or find no descriptor left, and its end.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ServerTests {
  @Test func manyClientsAtOnceGetTheirOwnEchoes() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withServer(at: path, echo) {
      let clients = (0..<64).map { number in
        RunningThread {
          var client = try Client(path)
          for round in 0..<20 {
            try client.send("\(number) \(round)\n")
            guard try client.line() == "\(number) \(round)" else { return false }
          }
          try client.endSending()
          return try client.line() == nil
        }
      }
      let outcomes = try clients.map { try $0.join() }
      #expect(outcomes == Array(repeating: true, count: 64))
    }
    #expect(entries(of: directory.path) == ["s.lock"])
  }

  @Test func failingHandlerEndsItsConnectionAloneAndIsReported() async throws {
    let directory = try TemporaryDirectory()
    let (path, events) = (directory("s"), Log<String>())
    try await withServer(at: path, observe: { events.append(describe($0)) }) { (connection: consuming Connection) in
      while let line = try await connection.nextLine(as: [UInt8].self) {
        if line == Array("fail".utf8) { throw HandlerFailed() }
        try await connection.write(line + [UInt8(ascii: "\n")])
      }
    } clients: {
      let (steady, failing) = (try ClientBox(path), try ClientBox(path))
      try steady.client.send("one\n")
      #expect(try steady.client.line() == "one")
      try failing.client.send("fail\n")
      #expect(try failing.client.rest() == [])
      try steady.client.send("two\n")
      #expect(try steady.client.line() == "two")
    }
    // The steady one may be ended by its peer or by the server's end.
    #expect(events.entries.filter { $0 != "failed cancelled" } == ["failed handler failed"])
  }

  @Test func refusedPeerHearsNothingAndIsReported() async throws {
    let directory = try TemporaryDirectory()
    let (path, events) = (directory("s"), Log<String>())
    let policy = PeerPolicy { _ in false }
    try await withServer(at: path, admitting: policy, observe: { events.append(describe($0)) }, echo) {
      var client = try Client(path)
      let said = try client.rest()
      #expect(said == [])
    }
    #expect(events.entries == ["refused notAllowed \(geteuid())"])
  }

  @Test func handlerKnowsItsPeer() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withServer(at: path, startingAt: .connection) { (connection: consuming Connection) in
      let peer = try connection.peer.credentials
      try await connection.write(Array("\(peer.processID) \(peer.userID)\n".utf8))
    } clients: {
      var client = try Client(path)
      let said = try client.line()
      #expect(said == "\(getpid()) \(geteuid())")
    }
  }

  @Test func silentClientsBlockNobody() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withServer(at: path, echo) {
      let silent = try (0..<20).map { _ in try ClientBox(path) }
      for box in silent.prefix(10) { try box.client.send("half a line") }
      var client = try Client(path)
      try client.send("loud\n")
      let said = try client.line()
      #expect(said == "loud")
      withExtendedLifetime(silent) {}
    }
  }

  @Test func floodingClientStarvesNobody() async throws {
    let directory = try TemporaryDirectory()
    let (path, flooded) = (directory("s"), Counter())
    try await withServer(at: path) { (connection: consuming Connection) in
      // Answers one kind of line alone, so that its own writing never makes it wait.
      while let line = try await connection.nextLine(as: [UInt8].self) {
        if line == Array("answer".utf8) {
          try await connection.write(Array("answer\n".utf8))
        } else {
          flooded.add(line.count + 1)
        }
      }
    } clients: {
      let done = Flag()
      let lines = String(repeating: "flood\n", count: 20_000)
      let flooders = (0..<2).map { _ in
        RunningThread {
          let client = try Client(path)
          while !done.isSet { try client.send(lines) }
        }
      }
      defer { done.set() }
      for _ in 0..<20 {
        var client = try Client(path)
        try client.send("answer\n")
        let said = try client.line()
        #expect(said == "answer")
      }
      // Nine megabytes when everybody gets a turn, more than nine hundred when the flood has to pause by chance.
      #expect(flooded.value < 400_000_000)
      done.set()
      for flooder in flooders { try flooder.join() }
    }
  }

  @Test func cancellationEndsEveryConnectionAndRemovesThePath() async throws {
    let directory = try TemporaryDirectory()
    let (path, events) = (directory("s"), Log<String>())
    let clients = try await withServer(at: path, observe: { events.append(describe($0)) }, echo) {
      try (0..<10).map { number in
        let box = try ClientBox(path)
        try box.client.send("\(number)\n")
        #expect(try box.client.line() == "\(number)")
        return box
      }
    }
    for box in clients { #expect(try box.client.rest() == []) }
    #expect(entries(of: directory.path) == ["s.lock"])
    // Our own end is no failure of theirs.
    #expect(events.entries == [])
  }

  @Test func cancelledServerTurnsClientsAwayWhileItsHandlersEnd() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let (hasBegun, isEnding, mayEnd, reached) = (Flag(), Flag(), Flag(), Log<Bool>())
    try await withLoop { loop in
      let server = Task.immediate(executorPreference: loop) {
        try await Server(UnixListener(binding: .path(path)), on: loop).run { (connection: consuming Connection) in
          hasBegun.set()
          _ = try? await connection.nextLine(as: [UInt8].self)
          isEnding.set()
          while !mayEnd.isSet { await Task.yield() }
        }
      }
      let clients = Task(executorPreference: ThreadForEachJob.shared) {
        let client = try Client(path)
        try client.send("half")
        try hasBegun.wait()
        server.cancel()
        try isEnding.wait()
        reached.append(isListening(path))
        mayEnd.set()
      }
      try await clients.value
      try await server.value
    }
    #expect(reached.entries == [false])
  }

  @Test func serverCancelledBeforeItBeginsClosesItsListener() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withLoop { loop in
      let server = Task(executorPreference: loop) {
        let listener = try UnixListener(binding: .path(path))
        try await Server(listener, on: loop).run(echo)
      }
      server.cancel()
      try await server.value
    }
    #expect(entries(of: directory.path) == ["s.lock"])
  }

  /// A client that an array can hold.
  final class ClientBox: @unchecked Sendable {
    var client: Client
    init(_ path: String) throws { client = try Client(path) }
  }
}
