// A peer that sends its own end of the connection, and goes: what it sent must not keep the connection alive, or each such
// peer would leave one behind that nobody has.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct HeldByItselfTests {
  private static let setup = Setup {
    $0.descriptorsPerFrame = 1
    // What ends a frame that never comes to its end.
    $0.frameTime = .milliseconds(100)
  }

  @Test(arguments: HandlerKind.allCases, ["a line\n", "half a line"])
  func connectionThatIsSentItsOtherEndIsClosed(kind: HandlerKind, sent: String) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Self.setup, by: .commands(kind)) { service in
      for _ in 0..<5 {
        let peer = try Peer(path)
        try peer.client.reader.descriptor.send(sent, lending: peer.client.reader.descriptor)
      }
      try eventually { service.counters.accepted == 5 && service.counters.open == 0 }
    }
  }

  @Test(arguments: HandlerKind.allCases)
  func connectionsThatAreSentEachOthersEndsAreClosed(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Self.setup, by: .commands(kind)) { service in
      do {
        let (left, right) = (try Peer(path), try Peer(path))
        try left.client.reader.descriptor.send("left\n", lending: right.client.reader.descriptor)
        try right.client.reader.descriptor.send("right\n", lending: left.client.reader.descriptor)
        #expect(try left.client.line() == "left")
        #expect(try right.client.line() == "right")
      }
      try eventually { service.counters.open == 0 }
    }
  }

  @Test func readerHearsOfTheEndThatItWasSent() throws {
    let pair = try socketPair()
    var reader = BufferedReader(pair.right, descriptorLimit: 1)
    try pair.left.send("a line\n", lending: pair.left)
    try pair.left.close()
    for expected in ["a line", nil] {
      let line = try reader.nextLine(as: String.self, deadline: .after(.seconds(60)))
      #expect(line == expected)
    }
  }
}
