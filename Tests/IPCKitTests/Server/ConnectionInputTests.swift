// The reading side beside the connection: views that outlive a write, and who may read.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ConnectionInputTests {
  @Test func linesAreWrittenBackAsTheyAre() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withServer(at: path) { (connection: consuming Connection) in
      var input = connection.input
      while let line = try await input.nextLine() { try await connection.writeLine(line) }
    } clients: {
      let lines = (0..<3000).map { "\($0) " + String(repeating: "x", count: $0 % 200) }
      var client = try Client(path)
      let sender = RunningThread { [descriptor = try client.reader.descriptor.duplicate()] in
        try descriptor.writeAll(lines.joined(separator: "\n") + "\nlast")
        try descriptor.shutdownSending()
      }
      let said = try client.rest()
      #expect(said == lines + ["last"])
      try sender.join()
    }
  }

  @Test func viewStaysWhileWritingWaits() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let seen = Log<String?>()
    try await withServer(at: path) { (connection: consuming Connection) in
      var input = connection.input
      if let line = try await input.nextLine() {
        // More than the kernel takes at once: it waits, while the peer goes on sending.
        try await connection.write([UInt8](repeating: 10, count: 2 << 20))
        seen.append(text(line))
      }
      seen.append(text(try await input.nextLine()))
    } clients: {
      var client = try Client(path)
      try client.send("the first\n")
      let first = try client.line()
      #expect(first == "")
      try client.send("the second, which is longer\n")
      let rest = try client.rest().count
      #expect(rest == (2 << 20) - 1)
    }
    #expect(seen.entries == ["the first", "the second, which is longer"])
  }

  @Test func anInputThatWasReplacedEndsTheProgram() async {
    await #expect(processExitsWith: .failure) {
      let directory = try TemporaryDirectory()
      let path = directory("s")
      try await withServer(at: path) { (connection: consuming Connection) in
        var first = connection.input
        var second = connection.input
        _ = try await second.nextLine()?.byteCount
        _ = try await first.nextLine()?.byteCount
      } clients: {
        var client = try Client(path)
        try client.send("one\ntwo\n")
        _ = try client.rest()
      }
    }
  }

  @Test func anInputMadeAfterAnotherReadsOn() async throws {
    let directory = try TemporaryDirectory()
    let (path, seen) = (directory("s"), Log<String?>())
    try await withServer(at: path) { (connection: consuming Connection) in
      for _ in 0..<3 {
        var input = connection.input
        seen.append(text(try await input.nextLine()))
      }
    } clients: {
      var client = try Client(path)
      try client.send("one\ntwo\nthree\n")
      let said = try client.rest()
      #expect(said == [])
    }
    #expect(seen.entries == ["one", "two", "three"])
  }

  @Test func aHandlerThatOnlyWritesLetsOthersHaveTheirTurn() async throws {
    let directory = try TemporaryDirectory()
    let (path, isEnough) = (directory("s"), Flag())
    try await withServer(at: path) { (connection: consuming Connection) in
      guard text(try await connection.nextLine()) == "pour" else { return try await connection.write("served\n") }
      // Nothing at all always fits, as it does for a peer who reads as fast as this writes.
      while !isEnough.isSet { try await connection.write([UInt8]()) }
    } clients: {
      defer { isEnough.set() }
      let greedy = try Peer(path)
      try greedy.client.send("pour\n")
      for _ in 0..<20 {
        let answer = try Peer(path).ask("me too")
        #expect(answer == "served")
      }
    }
  }
}
