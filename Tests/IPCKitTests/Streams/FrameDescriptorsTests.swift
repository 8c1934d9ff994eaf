// Which frame a descriptor belongs to, however the bytes were cut on their way.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct FrameDescriptorsTests {
  @Test func framesWithAndWithout() throws {
    let (talk, freight) = (try FrameConversation(), try Freight(3))
    try talk.sending.writeAll("none\n")
    try talk.sending.send("one\n", lending: freight.descriptors[0])
    #expect(try talk.line() == "none")
    #expect(try talk.line() == "one \(freight.names[0])")
    try talk.sending.writeAll("none\n")
    #expect(try talk.line() == "none")
    var two = DescriptorList(try freight.descriptors[2].duplicate())
    two.append(try freight.descriptors[1].duplicate())
    try talk.sending.send("two\n", passing: two)
    #expect(try talk.line() == "two \(freight.names[2]) \(freight.names[1])")
  }

  @Test func manyBeforeAnyIsRead() throws {
    let (talk, freight) = (try FrameConversation(), try Freight(4))
    var expected: [String] = []
    for position in 0..<4 {
      try talk.sending.writeAll("before\n\n")
      try talk.sending.send("frame\n", lending: freight.descriptors[position])
      expected += ["before", "", "frame \(freight.names[position])"]
    }
    try talk.sending.writeAll("after\n")
    for line in expected + ["after"] { #expect(try talk.line() == line) }
  }

  /// Capacities at which reads end before, in and behind each frame.
  @Test(arguments: 1...40) func frameLongerThanAReadAndAnotherBehindIt(capacity: Int) throws {
    let (talk, freight) = (try FrameConversation(limit: 1, capacity: capacity), try Freight(3))
    try talk.sending.send("a long frame\n", lending: freight.descriptors[0])
    try talk.sending.send("another\n", lending: freight.descriptors[1])
    try talk.sending.writeAll("none\n")
    try talk.sending.send("last\n", lending: freight.descriptors[2])
    for expected in ["a long frame 0", "another 1", "none", "last 2"] {
      let words = expected.split(separator: " ").map { word in Int(word).map { freight.names[$0] } ?? String(word) }
      #expect(try talk.line() == words.joined(separator: " "))
    }
  }

  @Test func frameOfManyReadsKeepsItsOwn() throws {
    let (talk, freight) = (try FrameConversation(limit: 1), try Freight(2))
    let long = SeededGenerator.text(1 << 19)
    let sender = RunningThread { [sending = try talk.sending.duplicate().release()] in
      // The duplicate is this thread's.
      let socket = unsafe FileDescriptor(owning: sending)
      try socket.send(long + "\n", lending: freight.descriptors[0])
      try socket.send("short\n", lending: freight.descriptors[1])
    }
    #expect(try talk.line() == "\(long) \(freight.names[0])")
    #expect(try talk.line() == "short \(freight.names[1])")
    try sender.join()
  }

  @Test func withTheMiddleOfAFrameAndInTwoBatches() throws {
    let (talk, freight) = (try FrameConversation(), try Freight(2))
    try talk.sending.writeAll("begin ")
    try talk.sending.send("middle ", lending: freight.descriptors[0])
    #expect(ipcFailure { _ = try talk.reader.nextLine(as: String.self, deadline: .after(.zero)) } != nil)
    try talk.sending.send("end\n", lending: freight.descriptors[1])
    try talk.sending.writeAll("next\n")
    #expect(try talk.line() == "begin middle end \(freight.names.joined(separator: " "))")
    #expect(try talk.line() == "next")
  }

  @Test func lastFrameWithoutItsEnd() throws {
    let (talk, freight) = (try FrameConversation(), try Freight(1))
    try talk.sending.send("cut", lending: freight.descriptors[0])
    try talk.sending.shutdownSending()
    #expect(try talk.line() == "cut \(freight.names[0])")
    #expect(try talk.line() == "end")
  }

  @Test func twoFramesOfOneSend() throws {
    let (talk, freight) = (try FrameConversation(), try Freight(1))
    try talk.sending.send("one\ntwo\n", lending: freight.descriptors[0])
    #expect(try talk.line() == "one")
    #expect(try talk.line() == "two \(freight.names[0])")
  }

  // MARK: Other framings

  @Test func framesAfterTheirLength() throws {
    let (talk, freight) = (try FrameConversation(), try Freight(2))
    let framing = Framing.lengthPrefixed(by: 2, .littleEndian)
    // An empty one, one in two parts, and one behind it.
    try talk.sending.send("\0\0", lending: freight.descriptors[0])
    try talk.sending.writeAll("\u{4}\0ab")
    try talk.sending.send("cd", lending: freight.descriptors[1])
    try talk.sending.writeAll("\u{1}\0e")
    for (expected, names) in [("", [freight.names[0]]), ("abcd", [freight.names[1]]), ("e", [])] {
      let frame = try talk.frame(framing)
      #expect(frame == expected)
      #expect(IPCKitTests.names(of: talk.reader.takeDescriptors()) == names)
    }
  }

  @Test func whateverHasCome() throws {
    let (talk, freight) = (try FrameConversation(), try Freight(2))
    for position in 0..<2 { try talk.sending.send("\(position)", lending: freight.descriptors[position]) }
    for position in 0..<2 {
      let frame = try talk.frame(.raw)
      #expect(frame == "\(position)")
      #expect(names(of: talk.reader.takeDescriptors()) == [freight.names[position]])
    }
  }

  @Test func exactlySoManyBytes() throws {
    let (talk, freight) = (try FrameConversation(), try Freight(2))
    // A head and a body of one send: they belong to the body, where there is one.
    try talk.sending.send("headbody", lending: freight.descriptors[0])
    try talk.sending.send("head", lending: freight.descriptors[1])
    #expect(try talk.next(4) == "head")
    #expect(names(of: talk.reader.takeDescriptors()) == [])
    #expect(try talk.next(4) == "body")
    #expect(names(of: talk.reader.takeDescriptors()) == [freight.names[0]])
    #expect(try talk.next(4) == "head")
    // No bytes are no frame: what came with the head is still there.
    #expect(try talk.next(0) == "")
    #expect(names(of: talk.reader.takeDescriptors()) == [freight.names[1]])
  }
}
