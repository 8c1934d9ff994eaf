// Messages over a connection: whole or not at all, in time or not at all, and no longer than the room for them.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct MessageTests {
  @Test(arguments: [.datagram, .seqpacket] as [SocketType]) func messagesKeepTheirBounds(type: SocketType) throws {
    let pair = try SocketPair(type)
    for text in ["one", "two", String(repeating: "x", count: 4096)] { try pair.left.sendText(text) }
    #expect(try pair.right.receiveText() == "one")
    #expect(try pair.right.receiveText(3) == "two")
    #expect(try pair.right.receiveText().utf8.count == 4096)
  }

  @Test(arguments: [.datagram, .seqpacket] as [SocketType])
  func messageThatDoesNotFitIsAnErrorAndTheNextIsRead(type: SocketType) throws {
    let pair = try SocketPair(type)
    for text in ["too long", "fits", "long"] { try pair.left.sendText(text) }
    let ended = ipcFailure { _ = try pair.right.receiveText(7) }
    #expect(ended == .peer(.messageTooLong(limit: 7, received: 8)))
    #expect(ended?.description == "message too long: 8 bytes, the limit is 7")
    #expect(try pair.right.receiveText(7) == "fits")
    let roomless = ipcFailure { _ = try pair.right.receiveText(0) }
    #expect(roomless == .peer(.messageTooLong(limit: 0, received: 4)))
  }

  @Test func emptyDatagramIsAMessage() throws {
    let pair = try SocketPair(.datagram)
    try pair.left.sendText("")
    try pair.left.sendText("after")
    #expect(try pair.right.receiveText() == "")
    #expect(try pair.right.receiveText() == "after")
  }

  @Test func endOfPacketsIsZero() throws {
    let pair = try SocketPair(.seqpacket)
    let left = pair.left
    try left.sendText("last")
    try left.close()
    #expect(try pair.right.receiveText() == "last")
    for _ in 0..<2 { #expect(try pair.right.receiveText() == "") }
  }

  @Test(arguments: [.datagram, .seqpacket] as [SocketType], [false, true])
  func deadlinesAreKeptOnBlockingSocketsToo(type: SocketType, nonBlocking: Bool) throws {
    let pair = try SocketPair(type, nonBlocking: nonBlocking)
    let used = threadProcessorTime()
    let receiving = ipcFailure { _ = try pair.right.receiveText(deadline: .after(.milliseconds(50))) }
    #expect(receiving == .deadlineExceeded(operation: "receive"))
    let sending = ipcFailure {
      while true { try pair.left.sendText(String(repeating: "x", count: 4096), deadline: .after(.milliseconds(50))) }
    }
    #expect(sending == .deadlineExceeded(operation: "send"))
    #expect(threadProcessorTime() - used < 0.04)
  }

  @Test func senderWaitsForRoom() throws {
    let pair = try SocketPair(.seqpacket)
    try pair.left.setSendBufferSize(8192)
    let right = try pair.right.duplicate()
    let reading = RunningThread { [number = right.release()] in
      // Handed to this thread.
      let right = unsafe FileDescriptor(owning: number)
      return try (0..<100).map { _ in try right.receiveText() }
    }
    for number in 0..<100 { try pair.left.sendText("\(number) " + String(repeating: "x", count: 2000)) }
    #expect(try reading.join().enumerated().allSatisfy { $1.hasPrefix("\($0) ") && $1.utf8.count > 2000 })
  }

  @Test func messageToNobodyIsAnErrorAndNoSignal() async {
    await #expect(processExitsWith: .success) {
      for (type, expected) in [(SocketType.seqpacket, EPIPE), (.datagram, ECONNREFUSED), (.stream, EPIPE)] {
        let pair = try SocketPair(type)
        let left = pair.left
        try pair.right.close()
        #expect(systemFailure { try left.sendText("x") } == SystemError(errno: expected, operation: "send"))
      }
    }
  }

  @Test(arguments: [.datagram, .seqpacket] as [SocketType]) func messageBeyondTheBufferIsRefused(type: SocketType)
    throws
  {
    let pair = try SocketPair(type)
    let size = try pair.left.sendBufferSize
    let ended = systemFailure { try pair.left.sendText(String(repeating: "x", count: size)) }
    #expect(ended == SystemError(errno: EMSGSIZE, operation: "send"))
  }

  @Test func whatIsNoSocketHasNoMessages() throws {
    let pipe = try Pipe()
    #expect(systemFailure { try pipe.writing.sendText("x") } == SystemError(errno: ENOTSOCK, operation: "send"))
    #expect(systemFailure { _ = try pipe.reading.receiveText() } == SystemError(errno: ENOTSOCK, operation: "recv"))
  }

  @Test func descriptorsThatCameAlongAreClosed() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let pair = try SocketPair(.seqpacket)
        try quiet.expectNothingLeftOpen {
          try sendDescriptors(3, over: pair.left)
          quiet.expect(try pair.right.receiveText(), is: "message")
        }
      }
    }
  }

  @Test func bufferSizesAreDoubledByTheKernel() throws {
    let pair = try SocketPair()
    try pair.left.setSendBufferSize(20_000)
    #expect(try pair.left.sendBufferSize == 40_000)
    try pair.left.setReceiveBufferSize(30_000)
    #expect(try pair.left.receiveBufferSize == 60_000)
    #expect(try pair.left.sendBufferSize == 40_000)
    try pair.left.setSendBufferSize(0)
    #expect(try pair.left.sendBufferSize > 0)
    try pair.left.setSendBufferSize(.max)
    #expect(try pair.left.sendBufferSize > 40_000)
    let pipe = try Pipe()
    #expect(systemFailure { _ = try pipe.reading.sendBufferSize }?.errno == ENOTSOCK)
    #expect(systemFailure { try pipe.reading.setReceiveBufferSize(1) }?.errno == ENOTSOCK)
  }
}
