// Both ends of a pair, and what is left when there is room for one of them or none.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct SocketPairTests {
  @Test(arguments: SocketType.allCases) func bothEndsAreConnectedAndCloseOnExec(type: SocketType) throws {
    let pair = try SocketPair(type)
    #expect(try pair.left.isCloseOnExec && pair.right.isCloseOnExec)
    #expect(try !pair.left.isNonBlocking && !pair.right.isNonBlocking)
    #expect(try pair.left.peerCredentials().processID == getpid())
    try pair.left.sendText("there")
    #expect(try pair.right.receiveText() == "there")
    try pair.right.sendText("back")
    #expect(try pair.left.receiveText() == "back")
  }

  @Test(arguments: SocketType.allCases) func typeIsTheKernels(type: SocketType) throws {
    let pair = try SocketPair(type, nonBlocking: true)
    #expect(try pair.left.isNonBlocking && pair.right.isNonBlocking)
    try pair.left.sendText("a")
    try pair.left.sendText("b")
    let expected = type == .stream ? "ab" : "a"
    #expect(try pair.right.receiveText() == expected)
  }

  @Test func eachEndGoesToAnOwnerOfItsOwn() throws {
    let pair = try SocketPair()
    let left = pair.left
    var reader = BufferedReader(pair.right)
    try left.writeAll("x\n")
    #expect(try reader.nextLine(as: String.self) == "x")
    try left.close()
    #expect(try reader.nextLine(as: String.self, deadline: .after(.seconds(60))) == nil)
  }

  @Test func withoutRoomLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        punchHoles()
        try quiet.expectNothingLeftOpen(needing: 2) { _ = try SocketPair(.seqpacket) }
      }
    }
  }
}
