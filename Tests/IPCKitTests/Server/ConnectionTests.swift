// One conversation and all the ways in which the other side can hold it wrong.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ConnectionTests {
  @Test func twoLinesInOneWriteAndOneInTwo() async throws {
    try await converse { (connection: consuming Connection) in
      try await expect("one", from: &connection)
      var more = connection.hasUnreadBytes
      #expect(more)
      try await expect("two", from: &connection)
      more = connection.hasUnreadBytes
      #expect(!more)
      try await connection.write(Array("go on\n".utf8))
      try await expect("three", from: &connection)
      let ended = connection.peerHasEnded
      #expect(!ended)
    } client: { client in
      try client.send("one\ntwo\n")
      let said = try client.line()
      #expect(said == "go on")
      try client.send("thr")
      try client.send("ee\n")
      let rest = try client.rest()
      #expect(rest == [])
    }
  }

  @Test func linesAsTextAndTextAsLines() async throws {
    try await converse { (connection: consuming Connection) in
      var line = try await connection.nextLine(as: String.self)
      #expect(line == "grüß")
      var mistake: IPCError?
      do throws(IPCError) { _ = try await connection.nextLine(as: String.self) } catch { mistake = error }
      #expect(mistake == .peer(.notUTF8))
      line = try await connection.nextLine(as: String.self)
      #expect(line == "")
      line = try await connection.nextLine(as: String.self)
      #expect(line == nil)
      try await connection.writeLine("größer")
    } client: { client in
      try client.send("grüß\n")
      try client.reader.descriptor.writeAll([0xFF, 0x0A, 0x0A])
      try client.endSending()
      let said = try client.rest()
      #expect(said == ["größer"])
    }
  }

  @Test func peerThatEndsItsSendingReadsTheReply() async throws {
    try await converse { (connection: consuming Connection) in
      try await expect("", from: &connection)
      try await expect("last", from: &connection)
      try await expect(nil, from: &connection)
      let ended = connection.peerHasEnded
      #expect(ended)
      try await connection.write(Array("reply\n".utf8))
    } client: { client in
      try client.send("\nlast")
      try client.endSending()
      let said = try client.rest()
      #expect(said == ["reply"])
    }
  }

  @Test func peerThatClosesFullyIsServedToItsEnd() async throws {
    let lines = Log<String>()
    try await converse { (connection: consuming Connection) in
      while let line = try await line(&connection) { lines.append(line) }
    } client: { client in
      // More than one read takes, and the hang-up comes with it.
      try client.send((0..<3000).map { "line \($0)\n" }.joined())
    }
    #expect(lines.entries == (0..<3000).map { "line \($0)" })
  }

  @Test func writingToAPeerWhoHasGone() async throws {
    let ended = Log<Int32?>()
    try await converse { (connection: consuming Connection) in
      _ = try await connection.nextLine()
      do throws(IPCError) {
        while true { try await connection.write([UInt8](repeating: 1, count: 100_000)) }
      } catch {
        ended.append(systemFailure { throw error }?.errno)
      }
    } client: { client in
      try client.send("x\n")
    }
    #expect(ended.entries == [EPIPE] || ended.entries == [ECONNRESET])
  }

  @Test(arguments: [7, 8, 9]) func lineAroundTheLimit(length: Int) async throws {
    var limits = ServerLimits()
    limits.frameLength = 8
    try await converse(limits) { (connection: consuming Connection) in
      do throws(IPCError) {
        let count = try await connection.nextLine()?.byteCount
        try await connection.write(Array("\(count ?? -1)\n".utf8))
      } catch {
        try await connection.write(Array("\(error)\n".utf8))
      }
    } client: { client in
      try client.send(String(repeating: "x", count: length) + "\n")
      let expected = length > 8 ? "frame too long: 9 bytes without an end, the limit is 8" : "\(length)"
      let said = try client.line()
      #expect(said == expected)
    }
  }

  @Test(arguments: [100, 5000, 200_000]) func overlongLineGetsItsAnswer(length: Int) async throws {
    var limits = ServerLimits()
    limits.frameLength = 64
    try await converse(limits) { (connection: consuming Connection) in
      do throws(IPCError) {
        _ = try await connection.nextLine()
      } catch {
        try await connection.write(Array("too long\n".utf8))
        connection.finish(deadline: .after(.seconds(60)))
      }
    } client: { client in
      try client.send(String(repeating: "x", count: length))
      try client.endSending()
      // Read to the end: without the draining, this ends in ECONNRESET.
      let said = try client.rest()
      #expect(said == ["too long"])
    }
  }

  @Test func finishDrainsWhatNobodyAskedFor() async throws {
    try await converse { (connection: consuming Connection) in
      _ = try await connection.nextLine()
      try await connection.write(Array("reply\n".utf8))
      connection.finish(deadline: .after(.seconds(60)))
    } client: { client in
      try client.send("request\n" + String(repeating: "unasked\n", count: 20_000))
      try client.endSending()
      let said = try client.rest()
      #expect(said == ["reply"])
    }
  }

  @Test func finishDoesNotWaitBeyondItsDeadline() async throws {
    try await converse { (connection: consuming Connection) in
      try await connection.write(Array("reply\n".utf8))
      connection.finish(deadline: .after(.milliseconds(60)))
    } client: { client in
      // Never ends its sending; the server does not wait for it.
      let said = try client.rest()
      #expect(said == ["reply"])
    }
  }

  @Test func finishEndsAnEndlessSender() async throws {
    try await converse { (connection: consuming Connection) in
      connection.finish(deadline: .after(.seconds(60)))
    } client: { client in
      var sent = 0
      let ended = systemFailure {
        while true {
          try client.send(String(repeating: "x", count: 100_000))
          sent += 100_000
        }
      }
      #expect(ended?.errno == EPIPE || ended?.errno == ECONNRESET)
      // As much as is drained, and what still was on its way.
      #expect(sent < 20_000_000)
    }
  }

  @Test func drippingPeerRunsOutOfTime() async throws {
    var limits = ServerLimits()
    limits.frameTime = .milliseconds(60)
    let ended = Log<IPCError>()
    try await converse(limits) { (connection: consuming Connection) in
      do throws(IPCError) { _ = try await connection.nextLine() } catch { ended.append(error) }
    } client: { client in
      let error = systemFailure {
        while true {
          try client.send("x")
          usleep(2000)
        }
      }
      #expect(error?.errno == EPIPE)
    }
    #expect(ended.entries == [.deadlineExceeded(operation: "read")])
  }

  @Test func silentPeerMayBeSilentWithoutADeadlineAndNotWithOne() async throws {
    var limits = ServerLimits()
    limits.frameTime = .milliseconds(1)
    let ended = Log<IPCError>()
    try await converse(limits) { (connection: consuming Connection) in
      // The limit of a frame's time counts from its first byte.
      try await expect("late", from: &connection)
      do throws(IPCError) { _ = try await connection.nextLine(deadline: .after(.milliseconds(5))) } catch {
        ended.append(error)
      }
    } client: { client in
      usleep(20_000)
      try client.send("late\n")
      let said = try client.rest()
      #expect(said == [])
    }
    #expect(ended.entries == [.deadlineExceeded(operation: "read")])
  }

  @Test func peerThatDoesNotReadStallsTheWriterOnlyForAWhile() async throws {
    var limits = ServerLimits()
    limits.stallTime = .milliseconds(30)
    let (ended, done) = (Log<IPCError>(), Flag())
    try await converse(limits) { (connection: consuming Connection) in
      do throws(IPCError) {
        try await connection.write([UInt8](repeating: 1, count: 4 << 20))
      } catch { ended.append(error) }
      done.set()
    } client: { _ in
      while !done.isSet { usleep(1000) }
    }
    #expect(ended.entries == [.deadlineExceeded(operation: "write")])
  }

  @Test func largeReplyReachesASlowReader() async throws {
    try await converse { (connection: consuming Connection) in
      _ = try await connection.nextLine()
      for number in 0..<5 { try await connection.write(Array(repeating: UInt8(48 + number), count: 300_000) + [10]) }
    } client: { client in
      try client.send("\n")
      #expect(try client.rest().map { "\($0.first ?? " ") \($0.count)" } == (0..<5).map { "\($0) 300000" })
    }
  }

  @Test func hangUpEndsWhatIsDoneForThePeer() async throws {
    let ended = Log<String>()
    try await converse { (connection: consuming Connection) in
      let result: Void? = try await connection.untilHangup {
        while !Task.isCancelled { await Task.yield() }
      }
      ended.append(result == nil ? "hung up" : "done")
    } client: { _ in
    }
    #expect(ended.entries.contains("hung up"))
  }

  nonisolated(nonsending) private func expect(
    _ expected: String?, from connection: inout Connection, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let found = try await line(&connection)
    #expect(found == expected, sourceLocation: sourceLocation)
  }

  nonisolated(nonsending) private func line(_ connection: inout Connection) async throws(IPCError) -> String? {
    try await connection.nextLine(as: [UInt8].self).map { String(decoding: $0, as: UTF8.self) }
  }

  /// One client against one kind of handler, which must end by itself once the client has.
  private func converse(
    _ limits: ServerLimits = ServerLimits(),
    handler: @escaping Handler,
    client: @escaping @Sendable (inout Client) throws -> Void
  ) async throws {
    let directory = try TemporaryDirectory()
    let (path, hasEnded) = (directory("s"), Flag())
    try await withServer(at: path, limits: limits, startingAt: .connection) { (connection: consuming Connection) in
      defer { hasEnded.set() }
      try await handler(connection)
    } clients: {
      func talk() throws {
        var peer = try Client(path)
        try client(&peer)
      }
      try talk()
      try hasEnded.wait()
    }
  }
}
