// What the fuzzers have found of datagrams: a socket may be set to tell more than who sent them, as Timestamping= of a socket
// unit does, and the kernel puts that first.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct DatagramAncillaryTests {
  @Test(arguments: [SO_TIMESTAMP, SO_TIMESTAMPNS, SO_RXQ_OVFL]) func senderIsToldBesideWhatElseIs(option: Int32) throws
  {
    let pair = try SocketPair(.datagram)
    for option in [SO_PASSCRED, option] {
      var on: Int32 = 1
      // An integer, for the length of the call.
      let result = unsafe pair.right.withUnsafeNumber { unsafe setsockopt($0, SOL_SOCKET, option, &on, 4) }
      #expect(result == 0)
    }
    try sendDescriptors(3, over: pair.left)
    let socket = try UnixDatagram(inheriting: pair.right)
    let (text, message) = try socket.receiveText()
    #expect(text == "message" && message.credentials?.processID == getpid())
  }
}
