// Every case of a conversation's error has a sentence that says what to do.

import Glibc
import IPCKit
import Testing

@Suite struct IPCErrorTests {
  @Test(arguments: [
    (IPCError.system(SystemError(errno: EPIPE, operation: "write")), "write: Broken pipe"),
    (.endOfFile, "unexpected end of file"),
    (.deadlineExceeded(operation: "read"), "read: the deadline has passed"),
    (.cancelled, "cancelled"),
    (.peer(.frameTooLong(limit: 3, received: 4)), "frame too long: 4 bytes without an end, the limit is 3"),
    (.peer(.frameCutOff(expected: 8, received: 2)), "frame cut off: 2 of 8 bytes"),
    (.peer(.notUTF8), "not UTF-8"),
  ])
  func readsAsASentence(error: IPCError, sentence: String) {
    #expect(error.description == sentence)
  }

  @Test func refusedPeerIsNamed() throws {
    let pair = try socketPair()
    let peer = try pair.left.peerCredentials()
    #expect(PeerError.notAllowed(peer).description == "user \(geteuid()) is not allowed (process \(getpid()))")
  }

  @Test func wrappingKeepsTheSystemsError() {
    let inner = SystemError(errno: EIO, operation: "read", object: "x")
    #expect(ipcFailure { try IPCError.wrap { () throws(SystemError) in throw inner } } == .system(inner))
  }
}
