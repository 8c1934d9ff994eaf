// Descriptors that a handler sends to its client: in order with all that it writes, and waiting for room like it.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ConnectionMessagesTests {
  /// Answers each line with itself and descriptors that are lent; `many N` with N of them.
  private static func lending(_ freight: Freight, failures: Log<String> = Log()) -> Answerer {
    Answerer { (connection: consuming Connection) in
      while let line = text(try await connection.nextLine()) {
        let answer = Array((line + "\n").utf8)
        var list = DescriptorList()
        if line.hasPrefix("many ") {
          for _ in 0..<(Int(line.dropFirst(5)) ?? 0) { list.append(try freight.descriptors[0].duplicate()) }
        } else if line.hasPrefix("lend") {
          list = try freight.copy(0)
        }
        do throws(IPCError) {
          // Bytes seen as raw bytes: nothing is reinterpreted.
          if list.isEmpty {
            try await connection.write(answer)
          } else {
            try await unsafe connection.write(answer.span.bytes, lending: list)
          }
        } catch {
          failures.append("\(error)")
          try await connection.write("failed\n")
        }
      }
    }
  }

  @Test func clientHasWhatIsLentAndPassed() async throws {
    let directory = try TemporaryDirectory()
    let (path, freight, single) = (directory("s"), try Freight(2), try Freight(1))
    let answerer = Answerer { (connection: consuming Connection) in
      let answer: [UInt8] = [97, 10]
      _ = try await connection.nextLine()
      // Bytes seen as raw bytes: nothing is reinterpreted.
      try await unsafe connection.write(answer.span.bytes, lending: freight.descriptors)
      _ = try await connection.nextLine()
      try await unsafe connection.write(answer.span.bytes, passing: freight.take())
      _ = try await connection.nextLine()
      try await connection.write("one\n", passing: try single.descriptors[0].duplicate())
      try await connection.write("two\n", lending: single.descriptors[0])
    }
    try await withService(at: path, by: answerer) { _ in
      let peer = try Peer(path, descriptorLimit: 2)
      for _ in 0..<2 {
        try peer.client.send("go\n")
        #expect(try peer.lineAndNames() == "a \(freight.names.joined(separator: " "))")
      }
      try peer.client.send("go\n")
      #expect(try peer.lineAndNames() == "one \(single.names[0])")
      #expect(try peer.lineAndNames() == "two \(single.names[0])")
      #expect(try peer.client.line() == nil)
      try freight.untilAllAreGone()
    }
  }

  @Test func behindWhatWasCollectedAndBeforeWhatFollows() async throws {
    let directory = try TemporaryDirectory()
    let (path, freight) = (directory("s"), try Freight(1))
    try await withService(at: path, by: Self.lending(freight)) { _ in
      let peer = try Peer(path, descriptorLimit: 1)
      // In one write: answers are collected while more lines wait.
      let lines = (0..<2000).map { $0.isMultiple(of: 3) ? "lend \($0)" : "plain \($0)" }
      let sending = try peer.client.reader.descriptor.duplicate().release()
      let sender = RunningThread {
        // The duplicate is this thread's.
        let socket = unsafe FileDescriptor(owning: sending)
        try socket.writeAll(lines.map { $0 + "\n" }.joined(), deadline: .after(.seconds(60)))
      }
      for line in lines {
        let expected = line.hasPrefix("lend") ? "\(line) \(freight.names[0])" : line
        guard try peer.lineAndNames() == expected else {
          Issue.record("not as expected: \(line)")
          break
        }
      }
      try sender.join()
    }
  }

  /// Less and more than there is room for; what finds none waits until the client has read.
  @Test(arguments: [1, 60_000, 1 << 20]) func waitsForRoom(length: Int) async throws {
    let directory = try TemporaryDirectory()
    let (path, freight, isFull) = (directory("s"), try Freight(1), Flag())
    let body = [UInt8](repeating: 120, count: length) + [10]
    let answerer = Answerer { (connection: consuming Connection) in
      _ = try await connection.nextLine()
      for round in 0..<20 {
        // Bytes seen as raw bytes: nothing is reinterpreted.
        try await unsafe connection.write(body.span.bytes, lending: freight.descriptors)
        try await connection.write(body)
        if round == 5 { isFull.set() }
      }
    }
    try await withService(at: path, by: answerer) { service in
      let peer = try Peer(path, descriptorLimit: 1)
      try peer.client.send("go\n")
      // Where it is more than fits, the writer waits by now.
      if length == 1 { try isFull.wait() } else { try eventually { service.counters.bytesSent > 150_000 } }
      for _ in 0..<20 {
        #expect(try peer.lineAndNames()?.dropFirst(length) == " \(freight.names[0])")
        #expect(try peer.lineAndNames()?.utf8.count == length)
      }
      #expect(try peer.client.line() == nil)
      #expect(service.counters.bytesSent == 40 * (length + 1))
    }
  }

  @Test func whatCannotBeSentIsAnErrorAndTheConversationGoesOn() async throws {
    let directory = try TemporaryDirectory()
    let (path, freight, failures) = (directory("s"), try Freight(1), Log<String>())
    try await withService(at: path, by: Self.lending(freight, failures: failures)) { _ in
      let peer = try Peer(path, descriptorLimit: 253)
      #expect(try peer.ask("many 254") == "failed")
      #expect(try peer.ask("many 253") == "many 253")
      let count = peer.client.reader.takeDescriptors().count
      #expect(count == 253)
      var expected = ["send 254 descriptors in one message, which takes 253: Invalid argument"]
      // There is no refusing before Linux 6.16.
      if try peer.client.reader.descriptor.set(.descriptors, 0) {
        #expect(try peer.ask("lend") == "failed")
        expected.append("send: Operation not permitted")
      }
      #expect(try peer.ask("plain") == "plain")
      #expect(failures.entries == expected)
    }
    _ = freight.take()
    try freight.untilAllAreGone()
  }

  @Test func passedOnesAreClosedWhenTheClientHasGoneOrDoesNotRead() async throws {
    let directory = try TemporaryDirectory()
    let (path, failures, freight) = (directory("s"), Log<Int32>(), try Freight(2))
    let answerer = Answerer { (connection: consuming Connection) in
      guard let line = text(try await connection.nextLine()) else { return }
      let body = [UInt8](repeating: 120, count: line == "gone" ? 1 : 1 << 20)
      if line == "gone" { _ = try await connection.nextLine() }
      do throws(IPCError) {
        // Bytes seen as raw bytes: nothing is reinterpreted.
        while true { try await unsafe connection.write(body.span.bytes, passing: freight.take()) }
      } catch {
        if case .deadlineExceeded = error {
          failures.append(0)
        } else {
          failures.append(systemFailure { throw error }?.errno ?? -1)
        }
      }
    }
    try await withService(at: path, Setup { $0.stallTime = .milliseconds(30) }, by: answerer) { service in
      do { try Peer(path).client.send("gone\n") }
      try eventually { failures.entries.count == 1 }
      try freight.untilAllAreGone()
      let silent = try Peer(path)
      try silent.client.send("silent\n")
      try eventually { failures.entries.count == 2 }
      #expect(failures.entries == [EPIPE, 0] || failures.entries == [ECONNRESET, 0])
      withExtendedLifetime(silent) {}
    }
  }
}
