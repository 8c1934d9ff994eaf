// What handlers write: in one piece or two, more than fits or next to nothing; when it is sent together, and when it must
// not wait.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct WritingTests {
  @Test(arguments: [1, 1000, 300_000], [1, 1000, 300_000])
  func headAndBodyArriveAsOne(head: Int, body: Int) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let answerer = Answerer { (connection: consuming Connection) in
      while try await connection.nextLine() != nil {
        let (first, second) = ([UInt8](repeating: 97, count: head), [UInt8](repeating: 98, count: body))
        // Bytes seen as raw bytes: nothing is reinterpreted.
        try await unsafe connection.write(first.span.bytes, second.span.bytes)
        try await connection.write("\n")
      }
    }
    try await withService(at: path, by: answerer) { _ in
      let peer = try Peer(path)
      let expected = String(repeating: "a", count: head) + String(repeating: "b", count: body)
      // Alone, and two at once, of which the first is collected where it is little.
      #expect(try peer.ask("one") == expected)
      try peer.client.send("two\nthree\n")
      for _ in 0..<2 { #expect(try peer.client.line() == expected) }
    }
  }

  @Test func emptyWritesAndTextsAndLines() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let answerer = Answerer { (connection: consuming Connection) in
      _ = try await connection.nextLine()
      try await connection.write("")
      try await connection.write([])
      try await connection.writeLine([])
      try await connection.write("text äö")
      try await connection.writeLine(Array("line".utf8))
      try await connection.flush()
      try await connection.flush()
    }
    try await withService(at: path, by: answerer) { service in
      var client = try Client(path)
      try client.send("go\n")
      let said = try client.rest()
      #expect(said == ["", "text äöline"])
      #expect(service.counters.failed == 0)
    }
  }

  @Test(arguments: HandlerKind.allCases) func answersToManyRequestsAreSentTogether(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, by: .commands(kind)) { service in
      // The kernel keeps a few hundred messages for one who does not read, however small they are, but 200 KB in few:
      // four thousand answers fit on the way only if they are sent together.
      var client = try Client(path)
      try client.send(String(repeating: "x\n", count: 4000))
      try eventually("have all answers sent") { service.counters.bytesSent == 8000 }
      #expect(service.counters.frames == 4000)
      try client.endSending()
      let said = try client.rest()
      #expect(said == Array(repeating: "x", count: 4000))
    }
  }

  @Test func whatWasWrittenIsSentBeforeTheHandlerWaitsForSomethingElse() async throws {
    let directory = try TemporaryDirectory()
    let (path, mayGoOn) = (directory("s"), Flag())
    let answerer = Answerer { (connection: consuming Connection) in
      while let line = try await connection.nextLine(as: [UInt8].self) {
        try await connection.writeLine(line)
        while !mayGoOn.isSet { try await Task.sleep(for: .milliseconds(1)) }
      }
    }
    try await withService(at: path, by: answerer) { _ in
      let peer = try Peer(path)
      // The second waits to be answered, so that the first answer is collected.
      try peer.client.send("one\ntwo\n")
      #expect(try peer.client.line() == "one")
      mayGoOn.set()
      #expect(try peer.client.line() == "two")
    }
  }

  @Test func flushSendsAtOnce() async throws {
    let directory = try TemporaryDirectory()
    let (path, mayGoOn) = (directory("s"), Flag())
    let answerer = Answerer { (connection: consuming Connection) in
      while let line = try await connection.nextLine(as: [UInt8].self) {
        try await connection.writeLine(line)
        try await connection.flush()
        // Blocks the loop: whatever has not gone by now does not go.
        try mayGoOn.wait()
      }
    }
    try await withService(at: path, by: answerer) { _ in
      let peer = try Peer(path)
      try peer.client.send("one\ntwo\n")
      #expect(try peer.client.line() == "one")
      mayGoOn.set()
      #expect(try peer.client.line() == "two")
    }
  }

  @Test func flushWaitsForASlowReader() async throws {
    let directory = try TemporaryDirectory()
    let (path, hasFlushed) = (directory("s"), Flag())
    let answerer = Answerer { (connection: consuming Connection) in
      while try await connection.nextLine() != nil {
        try await connection.write([UInt8](repeating: 120, count: 60_000))
      }
      try await connection.flush()
      hasFlushed.set()
    }
    try await withService(at: path, by: answerer) { service in
      let client = try Client(path)
      try client.send(String(repeating: "x\n", count: 8))
      try client.endSending()
      try eventually { service.counters.bytesSent > 150_000 }
      var got = 0
      while got < 480_000 {
        // What the kernel and this have together is all that can have gone before the flush returned.
        if hasFlushed.isSet { #expect(service.counters.bytesSent == 480_000) }
        let piece = try client.readOnce(5000)
        try #require(!piece.isEmpty)
        got += piece.count
      }
      try hasFlushed.wait()
    }
  }

  @Test func flushTellsThatThePeerHasGone() async throws {
    let directory = try TemporaryDirectory()
    let (path, hasBegun, hasGone) = (directory("s"), Flag(), Flag())
    let ended = Log<Int32?>()
    let answerer = Answerer { (connection: consuming Connection) in
      _ = try await connection.nextLine()
      hasBegun.set()
      while !hasGone.isSet { try await Task.sleep(for: .milliseconds(1)) }
      // Collected, since another frame waits, and sent to nobody while this sleeps.
      try await connection.write("to nobody\n")
      try await Task.sleep(for: .milliseconds(20))
      do throws(IPCError) {
        try await connection.flush()
        ended.append(nil)
      } catch {
        ended.append(systemFailure { throw error }?.errno)
      }
    }
    try await withService(at: path, by: answerer) { service in
      func goAway() throws {
        let client = try Client(path)
        try client.send("one\ntwo\n")
        try hasBegun.wait()
      }
      try goAway()
      hasGone.set()
      try eventually { service.counters.open == 0 }
    }
    #expect(ended.entries == [EPIPE] || ended.entries == [ECONNRESET])
  }
}
