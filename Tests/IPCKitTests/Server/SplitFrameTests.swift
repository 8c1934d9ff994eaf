// A frame that came in parts is over when its last part has come: the time that it might have taken ends with it, and a peer
// that says nothing more for longer than that is as welcome as any other.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct SplitFrameTests {
  @Test(arguments: HandlerKind.allCases, ["first\n", "first\nsec"])
  func silenceAfterAFrameInPartsIsNoFault(kind: HandlerKind, rest: String) async throws {
    let frameTime = Duration.seconds(2)
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Setup { $0.frameTime = frameTime }, by: .commands(kind)) { service in
      let peer = try Peer(path)
      try peer.client.send("the ")
      try eventually { service.counters.bytesReceived == 4 }
      try peer.client.send(rest)
      #expect(try peer.client.line() == "the first")
      if !rest.hasSuffix("\n") { #expect(try peer.ask("ond") == "second") }
      let deadline = Deadline.after(frameTime * 1.2)
      try eventually { deadline.hasPassed }
      #expect(try peer.ask("last") == "last")
      #expect(service.counters.deadlinesPassed == 0)
    }
  }
}
