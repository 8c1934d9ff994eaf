// Descriptors that travel: what is sent arrives once, as the same open file, owned by the receiver; and what became of the
// sender's own, whether sending succeeded or not.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct FileDescriptorPassingTests {
  static let types = [SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM]

  @Test(arguments: types) func lentDescriptorIsTheSameFileAndStays(_ type: __socket_type) throws {
    let pair = try socketPair(type)
    let counter = try EventCounter()
    let file = counter.descriptor
    try pair.left.send("hello", lending: file)
    var message = try receive(pair.right)
    #expect(message.text == "hello")
    let count = message.descriptors.count
    #expect(count == 1)
    let arrived = message.descriptors.remove(at: 0)
    #expect(try arrived.isCloseOnExec)
    // It is one counter under two numbers.
    try arrived.addCount(1)
    try arrived.close()
    try file.addCount(1)
    #expect(try readOnce(file, 8) == [2, 0, 0, 0, 0, 0, 0, 0])
  }

  @Test(arguments: types, [1, 2, 3, 253]) func listArrivesInItsOrder(_ type: __socket_type, count: Int) throws {
    let pair = try socketPair(type)
    let freight = try Freight(count)
    try pair.left.send("hello", lending: freight.descriptors)
    let message = try receive(pair.right)
    #expect(message.text == "hello")
    #expect(message.names == freight.names)
    for position in 0..<count { #expect(try message.descriptors[position].isCloseOnExec) }
  }

  @Test(arguments: types) func emptyListSendsBytesAlone(_ type: __socket_type) throws {
    let pair = try socketPair(type)
    try pair.left.send("hello", lending: DescriptorList())
    let message = try receive(pair.right, limit: 0)
    #expect(message.summary == "hello ")
  }

  @Test(arguments: types) func passedDescriptorsAreTheReceiversAlone(_ type: __socket_type) throws {
    let pair = try socketPair(type)
    let freight = try Freight(3)
    try pair.left.send("hello", passing: freight.take())
    for position in 0..<3 { #expect(try freight.isHeld(position)) }
    var message = try receive(pair.right)
    let names = message.names
    #expect(names == freight.names)
    _ = message.descriptors.remove(at: 1)
    try freight.untilGone(1)
    #expect(try freight.isHeld(0) && freight.isHeld(2))
    _ = message.intoDescriptors()
    try freight.untilAllAreGone()
  }

  @Test func onePassedDescriptorIsTheReceiversAlone() throws {
    let pair = try socketPair()
    let pipe = try Pipe()
    let expected = target(of: pipe.writing)
    try pair.left.send("one", passing: pipe.writing)
    let message = try receive(pair.right)
    #expect(message.text == "one")
    let found = message.names
    #expect(found == [expected])
    _ = message.intoDescriptors()
    var reader = BufferedReader(pipe.reading)
    let line = try reader.nextLine(as: String.self, deadline: .after(.seconds(60)))
    #expect(line == nil)
  }

  // MARK: Boundaries

  @Test(arguments: [SOCK_SEQPACKET, SOCK_DGRAM]) func messagesKeepTheirOwn(_ type: __socket_type) throws {
    let pair = try socketPair(type)
    let freight = try Freight(3)
    try pair.left.send("none", lending: DescriptorList())
    for position in 0..<3 { try pair.left.send("\(position)", lending: freight.descriptors[position]) }
    let first = try receive(pair.right)
    #expect(first.summary == "none ")
    for position in 0..<3 {
      let message = try receive(pair.right)
      #expect(message.summary == "\(position) \(freight.names[position])")
    }
  }

  @Test func readOfAStreamEndsBehindTheBytesThatDescriptorsCameWith() throws {
    let pair = try socketPair()
    let freight = try Freight(2)
    try pair.left.writeAll("one ")
    try pair.left.send("two", lending: freight.descriptors[0])
    try pair.left.send("three", lending: freight.descriptors[1])
    try pair.left.writeAll("four")
    for expected in ["one two \(freight.names[0])", "three \(freight.names[1])", "four "] {
      let message = try receive(pair.right)
      #expect(message.summary == expected)
    }
  }

  @Test(arguments: [false, true]) func restOfALargeMessageGoesWithoutThem(nonBlocking: Bool) throws {
    let pair = try socketPair()
    let freight = try Freight(2)
    let number = try pair.left.duplicate().release()
    let names = freight.names
    let sent = SeededGenerator.text(3 << 20)
    let sender = RunningThread {
      // The duplicate is this thread's.
      let socket = unsafe FileDescriptor(owning: number)
      try socket.setNonBlocking(nonBlocking)
      try socket.send(sent, passing: freight.take(), deadline: nonBlocking ? .after(.seconds(60)) : .never)
    }
    var (text, found) = ("", [String]())
    while text.utf8.count < sent.utf8.count {
      let message = try receive(pair.right, 50_001)
      if text.isEmpty { #expect(message.names == names) }
      found += message.names
      text += message.text
    }
    try sender.join()
    #expect(text == sent)
    #expect(found == names)
  }

  // MARK: Failures

  /// Ways to fail, each on a socket of its own.
  enum Failing: CaseIterable {
    case peerGone
    case noSocket
    case noBytes
    case tooMany
    case notTaken
    case noRoom
  }

  @Test(arguments: Failing.allCases) func failedSendingClosesWhatWasPassedAndNotWhatWasLent(_ failing: Failing) throws {
    var pair = try failing == .noSocket ? channel(throughSocket: false) : socketPair()
    let freight = try Freight(failing == .tooMany ? 254 : 2)
    var (text, expected) = ("x", "")
    var deadline = Deadline.after(.seconds(60))
    switch failing {
    case .peerGone:
      expected = "send: Broken pipe"
      pair.right = try openFile("/dev/null", O_RDONLY)
    case .noSocket:
      expected = "send: Socket operation on non-socket"
    case .noBytes:
      (text, expected) = ("", "send descriptors without a byte to travel with: Invalid argument")
    case .tooMany:
      expected = "send 254 descriptors in one message, which takes 253: Invalid argument"
    case .notTaken:
      expected = "send: Operation not permitted"
      // There is no refusing before Linux 6.16.
      guard try pair.right.set(.descriptors, 0) else { return }
    case .noRoom:
      expected = "send: the deadline has passed"
      try pair.left.setNonBlocking(true)
      // Bytes seen as raw bytes. Until the kernel takes no more: poll(2) says so long before.
      let byte: [UInt8] = [120]
      while failure(of: { _ = unsafe try pair.left.write(byte.span.bytes) }) == nil {}
      // The deadline is kept all the same.
      try pair.left.setNonBlocking(false)
      deadline = .after(.milliseconds(20))
    }
    let lent = ipcFailure { try pair.left.send(text, lending: freight.descriptors, deadline: deadline) }
    #expect(lent?.description == expected)
    for position in 0..<freight.names.count { #expect(try freight.isHeld(position)) }
    if failing == .noRoom { deadline = .after(.milliseconds(20)) }
    let passed = ipcFailure { try pair.left.send(text, passing: freight.take(), deadline: deadline) }
    #expect(passed?.description == expected)
    try freight.untilAllAreGone()
  }

  @Test func nothingOfAFailedSendingIsLeftOpen() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let pair = try socketPair()
        let broken = try socketPair().intoLeft()
        for count in [1, 2, 253, 254] {
          try quiet.expectNothingLeftOpen {
            func list() throws -> DescriptorList {
              var list = DescriptorList()
              for _ in 0..<count { list.append(try openFile("/dev/null", O_RDONLY)) }
              return list
            }
            quiet.expect(failure { try broken.send("x", passing: try list()) } != nil)
            quiet.expect(failure { try pair.left.send("", passing: try list()) } != nil)
            if count > 253 { quiet.expect(failure { try pair.left.send("x", passing: try list()) } != nil) }
          }
        }
      }
    }
  }

  @Test(arguments: [false, true]) func deadlineOfReceivingPasses(nonBlocking: Bool) throws {
    let pair = try socketPair()
    try pair.right.setNonBlocking(nonBlocking)
    let ended = ipcFailure { _ = try receive(pair.right, deadline: .after(.milliseconds(20))) }
    #expect(ended == .deadlineExceeded(operation: "receive"))
    // What comes later is not lost.
    let freight = try Freight(1)
    try pair.left.send("late", lending: freight.descriptors)
    let message = try receive(pair.right)
    #expect(message.summary == "late \(freight.names[0])")
  }

  @Test(arguments: types) func receivingWaitsForWhatComesLater(_ type: __socket_type) throws {
    let pair = try socketPair(type)
    let freight = try Freight(1)
    let number = try pair.right.duplicate().release()
    let isWaiting = Flag()
    let receiver = RunningThread {
      // The duplicate is this thread's.
      let socket = unsafe FileDescriptor(owning: number)
      try socket.setNonBlocking(true)
      isWaiting.set()
      return try receive(socket, deadline: .never).summary
    }
    try isWaiting.wait()
    try pair.left.send("hello", passing: freight.take())
    #expect(try receiver.join() == "hello \(freight.names[0])")
  }
}

extension SeededGenerator {
  /// So many letters.
  static func text(_ count: Int) -> String {
    var generator = SeededGenerator(seed: 5)
    return String(decoding: generator.bytes(count).map { 97 + $0 % 26 }, as: UTF8.self)
  }
}
