// Nothing is left open, whatever way the connections of a server have ended, and whatever way the server has.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5)), .unlessForkedLoopsAreDeaf) struct ServerLeakTests {
  /// How the server itself ends.
  private enum Ending: CaseIterable {
    case cancelled
    case stopped
    case drained
  }

  @Test func everyEndOfReplyHandlersConnectionsLeavesNothing() async {
    await #expect(processExitsWith: .success) { try Self.endsInEveryWay(.reply) }
  }

  @Test func everyEndOfTasksConnectionsLeavesNothing() async {
    await #expect(processExitsWith: .success) { try Self.endsInEveryWay(.task) }
  }

  @Test func handedOverConnectionsLeaveNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        let path = directory("s")
        let before = ReplyHandler { frame, reply in
          if text(frame) == "switch" { reply.handOver() } else { reply.writeLine(frame) }
        }
        try quiet.expectNothingLeftOpen {
          try serveQuietly(path, by: Answerer(before, handingOverTo: echo)) { service in
            for round in 0..<10 {
              let peer = try Peer(path)
              quiet.expect(try peer.ask("one"), is: "one")
              quiet.expect(try peer.ask("switch"), is: "switch")
              if round.isMultiple(of: 2) { quiet.expect(try peer.ask("two"), is: "two") }
            }
            try eventually { service.counters.open == 0 }
            // Two more for the server's end.
            let (replying, handled) = (try Peer(path), try Peer(path))
            quiet.expect(try replying.ask("one"), is: "one")
            quiet.expect(try handled.ask("switch"), is: "switch")
          }
        }
      }
    }
  }

  private static func endsInEveryWay(_ kind: HandlerKind) throws {
    // One loop first: what the Swift runtime makes at its first use is then there when threads meet. In a forked child
    // the locks around that know the first thread by the number that it had before, and may wait for ever.
    let ways = [1, 3].flatMap { loops in Ending.allCases.map { (loops, $0) } }
    try inQuietProcess { quiet in
      let directory = try TemporaryDirectory()
      let path = directory("s")
      for (loops, ending) in ways {
        var setup = Setup(loops: loops) {
          $0.frameLength = 1 << 17
          $0.frameTime = .milliseconds(20)
          $0.stallTime = .milliseconds(20)
          $0.unreadOutput = 1 << 20
          $0.connectionsPerUser = 40
          if ending == .drained { $0.drainTime = .milliseconds(20) }
        }
        setup.start = ending == .stopped ? .connection : .firstByte
        let stop = setup.stop
        try quiet.expectNothingLeftOpen {
          try serveQuietly(path, setup, by: .commands(kind)) { service in
            try endAllConnections(quiet, path, service)
            try eventually { service.counters.open == 0 }
            // Those who are in the middle of everything when the server ends.
            let received = service.counters.bytesReceived
            let last = try (0..<4).map { _ in try Peer(path) }
            quiet.expect(try last[0].ask("idle"), is: "idle")
            try last[1].client.send("half")
            try last[2].client.send((0..<10).map { "big 60000 \($0)\n" }.joined())
            try eventually { service.counters.bytesReceived >= received + 10 }
            if ending == .stopped {
              stop.stop(deadline: .after(.milliseconds(20)))
              try service.hasEnded.wait()
            }
            if ending == .drained {
              service.cancel()
              try service.hasEnded.wait()
            }
            withExtendedLifetime(last) {}
          }
        }
        quiet.expect(entries(of: directory.path), is: ["s.lock"], "\(ending)")
      }
    }
  }

  /// Clients that end in all the ways that there are.
  private static func endAllConnections(_ quiet: Quiet, _ path: String, _ service: Service) throws {
    let unfinished = ["", "half", "one\nhalf"]
    let finished = ["one\n", "quit\n", "quit\nunasked\n", "fail\n", "fail\nmore\n", "big 60000 x\n"]
    for message in unfinished + finished {
      // Gone at once, ended, and waiting for the end.
      do { try Peer(path).client.send(message) }
      let ended = try Peer(path)
      try ended.client.send(message)
      try ended.client.endSending()
      _ = try ended.client.rest()
    }
    // Too long, too slow, and one who does not read.
    let (long, slow, stalled) = (try Peer(path), try Peer(path), try Peer(path))
    _ = failure { try long.client.send(String(repeating: "x", count: 1 << 18)) }
    try slow.client.send("half")
    try stalled.client.send((0..<20).map { "big 60000 \($0)\n" }.joined() + "big 2000000 x\n")
    quiet.expect(try slow.client.rest(), is: [])
    try eventually { service.counters.open <= 3 }
    // One too many.
    let crowd = try (0..<40).map { _ in try Peer(path) }
    let tooMany = try Peer(path)
    _ = failure { _ = try tooMany.client.rest() }
    quiet.expect(service.counters.refused(for: .tooManyOfOneUser) > 0)
    withExtendedLifetime(crowd) {}
  }
}
