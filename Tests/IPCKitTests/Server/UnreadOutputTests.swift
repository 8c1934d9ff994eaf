// Peers that ask and do not read: what waits for them is bounded, and nothing of it is lost once they read. And peers that
// send without an end, which cost no memory.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct UnreadOutputTests {
  /// More answers than the kernel and the server keep together.
  private static let count = 200
  private static let size = 40_000

  @Test(arguments: HandlerKind.allCases) func whoDoesNotReadIsNotAnsweredFurther(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, by: .commands(kind)) { service in
      let (greedy, other) = (try Peer(path), try Peer(path))
      try greedy.client.send((0..<Self.count).map { "big \(Self.size) \($0)\n" }.joined())
      try eventually { service.counters.bytesSent > 0 }
      // Others are served meanwhile, often enough for the greedy one's answers to have gone as far as they go.
      for _ in 0..<200 { #expect(try other.ask("meanwhile") == "meanwhile") }
      let (answered, sent) = (service.counters.frames - 200, service.counters.bytesSent)
      #expect(answered < 30)
      for _ in 0..<200 { #expect(try other.ask("again") == "again") }
      #expect(service.counters.frames - 400 == answered)
      // Nothing but the others' answers.
      #expect(service.counters.bytesSent - sent < 10_000)
      // And it gets all of them, in order, once it reads.
      for number in 0..<Self.count {
        let line = try greedy.client.line() ?? ""
        #expect(line.utf8.count == Self.size + "\(number)".utf8.count)
        #expect(line.hasPrefix("\(number)x"))
      }
      #expect(service.counters.failed == 0)
    }
  }

  @Test(arguments: HandlerKind.allCases) func whoSendsMoreThanIsTakenIsHeldUp(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, by: .commands(kind)) { service in
      let peer = try Peer(path)
      let request = Array("big \(Self.size) x\n".utf8)
      // Until the kernel takes nothing for a while: the server reads no more.
      var (sent, pauses) = (0, 0)
      while pauses < 20 {
        let taken = try peer.client.sendWithoutWaiting(Array(repeatElement(request, count: 1000).joined()))
        sent += taken
        pauses = taken == 0 ? pauses + 1 : 0
        if taken == 0 { usleep(5000) }
        try #require(sent < 16 << 20)
      }
      #expect(service.counters.bytesReceived < 4 << 20)
      #expect(service.counters.frames < 40)
    }
  }

  @Test func finishEndsAtItsDeadlineThoughNobodyReads() async throws {
    var limits = ServerLimits()
    limits.stallTime = .seconds(600)
    let (size, count) = (10_000, 27)
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withServer(at: path, limits: limits) { (connection: consuming Connection) in
      // What the kernel has no room for is collected, as long as more is asked for.
      for _ in 0..<count {
        _ = try await connection.nextLine()
        try await connection.write([UInt8](repeating: 0, count: size))
      }
      connection.finish(deadline: .after(.milliseconds(60)))
    } clients: {
      var client = try Client(path)
      try client.send(String(repeating: "\n", count: count + 1))
      let watched = try client.reader.descriptor.duplicate()
      try eventually { watched.hasHungUp }
      // What the kernel had no room for is lost.
      var received = 0
      while let piece = try client.reader.nextFrame(.raw) { received += piece.byteCount }
      #expect(received > 0 && received < size * count)
    }
  }

  @Test func replyThatIsTooLongForOneWhoDoesNotReadCutsItOff() async throws {
    let directory = try TemporaryDirectory()
    let (path, events) = (directory("s"), Log<String>())
    var setup = Setup { $0.unreadOutput = 500_000 }
    setup.observe = { events.append(describe($0)) }
    try await withService(at: path, setup, by: .commands(.reply)) { service in
      let (greedy, other) = (try Peer(path), try Peer(path))
      #expect(try greedy.ask("big 499990 x")?.count == 499_991)
      #expect(try other.ask("big 5 x") == "xxxxxx")
      try greedy.client.send("big 500001 x\nmore\n")
      try eventually { service.counters.open == 1 }
      #expect(try other.ask("still there") == "still there")
      #expect(service.counters.failed == 1)
    }
    #expect(events.entries == ["failed output too long: 500003 bytes unread, the limit is 500000"])
  }

  @Test(.unlessForkedLoopsAreDeaf, .unlessFreedMemoryIsKept, arguments: HandlerKind.allCases)
  func endlessLineCostsNoMemory(kind: HandlerKind) async {
    switch kind {
    case .reply:
      await #expect(processExitsWith: .success) { try Self.takesAnEndlessLine(.reply) }
    case .task:
      await #expect(processExitsWith: .success) { try Self.takesAnEndlessLine(.task) }
    }
  }

  /// 64 MiB without a newline, by clients that come again as often as they are cut off.
  private static func takesAnEndlessLine(_ kind: HandlerKind) throws {
    try inQuietProcess { quiet in
      let directory = try TemporaryDirectory()
      let path = directory("s")
      try serveQuietly(path, by: .commands(kind)) { service in
        let piece = [UInt8](repeating: 120, count: 1 << 16)
        var (sent, clients) = (0, 0)
        let before = try residentBytes()
        while sent < 64 << 20 {
          func flood() throws {
            let client = try Client(path)
            clients += 1
            let ended = systemFailure {
              while sent < 64 << 20 {
                try client.send(piece)
                sent += piece.count
              }
            }
            let isCutOff = ended?.errno == EPIPE || ended?.errno == ECONNRESET
            quiet.expect(ended == nil || isCutOff, ended?.description ?? "")
          }
          try flood()
        }
        let growth = try residentBytes() - before
        quiet.expect(growth < 16 << 20, "grew by \(growth) bytes")
        quiet.expect(service.counters.failed >= 1)
        let peer = try Peer(path)
        quiet.expect(try peer.ask("still there"), is: "still there")
      }
    }
  }
}

/// What this process has in memory: the second number of proc(5)'s statm, in pages.
func residentBytes() throws -> Int {
  let fields = try contents(of: "/proc/self/statm").split(separator: " ")
  return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * Int(getpagesize())
}
