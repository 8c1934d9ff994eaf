// Descriptors that clients send, counted in a quiet process: nothing is left of them, whatever way the connection or the
// server ends, and a table without room for them costs their connection alone.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5)), .unlessForkedLoopsAreDeaf) struct ServerMessageLeakTests {
  @Test func everyEndLeavesNothing() async {
    await #expect(processExitsWith: .success) { try Self.endsInEveryWay(ServerMessagesTests.naming) }
    await #expect(processExitsWith: .success) { try Self.endsInEveryWay(ServerMessagesTests.switching) }
  }

  private static func endsInEveryWay(_ answerer: Answerer) throws {
    try inQuietProcess { quiet in
      let directory = try TemporaryDirectory()
      let path = directory("s")
      let (one, many) = (ListBox(try nulls(1)), ListBox(try nulls(100)))
      for frames in [[], ["whole\n"], ["switch\n"], ["whole\n", "switch\n", "half"], ["half"]] {
        try quiet.expectNothingLeftOpen {
          try serveQuietly(path, ServerMessagesTests.setup(1), by: answerer) { service in
            for ending in 0..<4 {
              let peer = try Peer(path)
              for frame in frames { try peer.client.reader.descriptor.send(frame, lending: one.list) }
              // Gone at once, ended and gone, too many, and there until the server ends.
              switch ending {
              case 0: break
              case 1:
                try peer.client.endSending()
                _ = try peer.client.rest()
              case 2:
                _ = failure { try peer.client.reader.descriptor.send("many", lending: many.list) }
                _ = failure { _ = try peer.client.rest() }
              default:
                let whole = frames.count { $0.hasSuffix("\n") }
                for _ in 0..<whole { _ = try peer.client.line() }
                try eventually { service.counters.open == 1 }
                service.cancel()
                try service.hasEnded.wait()
              }
            }
          }
        }
      }
    }
  }

  @Test func withoutRoomForThemTheirConnectionEndsAlone() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        let (path, events) = (directory("s"), Log<String>())
        let setup = ServerMessagesTests.setup(events: events)
        let two = ListBox(try nulls(2))
        try quiet.expectNothingLeftOpen {
          try serveQuietly(path, setup, by: ServerMessagesTests.naming) { service in
            let steady = try Peer(path)
            quiet.expect(try steady.ask("before"), is: "before")
            let before = try DescriptorLimit.current()
            for room in 0...2 {
              let peer = try Peer(path)
              quiet.expect(try peer.ask("before"), is: "before")
              var lowered = before
              lowered.soft = numbers(leavingRoomFor: room)
              try lowered.apply()
              try peer.send("frame", lending: two.list)
              // A connection with unread input is broken by the end, and an answer there is none.
              var answer: String?
              _ = failure { answer = try peer.client.line() }
              quiet.expect(try steady.ask("meanwhile"), is: "meanwhile")
              try before.apply()
              quiet.expect(answer, is: room < 2 ? nil : "frame /dev/null /dev/null")
            }
            quiet.expect(service.counters.failed, is: 2)
          }
        }
        let lack = (0...1).map { "failed receive descriptors, of which only \($0) found room: Too many open files" }
        quiet.expect(events.entries, is: lack)
      }
    }
  }

  /// A list that closures can hold.
  private final class ListBox: @unchecked Sendable {
    // It is lent and stays as it is.
    let list: DescriptorList
    init(_ list: consuming DescriptorList) { self.list = list }
  }
}
