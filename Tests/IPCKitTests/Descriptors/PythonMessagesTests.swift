// Descriptors to and from Python's socket.send_fds and socket.recv_fds: what is on the wire is the kernel's format, not one
// of our own.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct PythonMessagesTests {
  private static let types = [SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM]

  @Test(arguments: types, [1, 3, 253]) func pythonReceivesAndSendsBack(_ type: __socket_type, count: Int) throws {
    let pair = try socketPair(type)
    let freight = try Freight(count)
    let python = try PythonProcess(
      """
      message, descriptors, flags, _ = socket.recv_fds(s, 100, 253)
      assert flags & socket.MSG_CTRUNC == 0, flags
      assert socket.send_fds(s, [message, b" and back"], descriptors) == len(message) + 9
      """, on: pair.right)
    try pair.left.send("there", passing: freight.take())
    #expect(python.wait() == 0)
    let message = try receive(pair.left)
    #expect(message.text == "there and back")
    #expect(message.names == freight.names)
  }

  @Test(arguments: types) func whatPythonOpenedCanBeReadHere(_ type: __socket_type) throws {
    let pair = try socketPair(type)
    let python = try PythonProcess(
      """
      ends = [os.pipe() for _ in range(3)]
      for number, (reading, writing) in enumerate(ends): os.write(writing, b"pipe %d of Python's\\n" % number)
      socket.send_fds(s, [b"three"], [reading for reading, _ in ends])
      """, on: pair.right)
    #expect(python.wait() == 0)
    var message = try receive(pair.left)
    #expect(message.text == "three")
    for number in 0..<3 {
      guard let descriptor = message.descriptors.popFirst() else { throw IPCError.endOfFile }
      #expect(try descriptor.isCloseOnExec)
      var reader = BufferedReader(descriptor)
      let line = try reader.nextLine(as: String.self, deadline: .after(.seconds(60)))
      #expect(line == "pipe \(number) of Python's")
      // Python has ended, and with it the writing end.
      let end = try reader.nextLine(as: String.self, deadline: .after(.seconds(60)))
      #expect(end == nil)
    }
    let isEmpty = message.descriptors.isEmpty
    #expect(isEmpty)
  }

  @Test func pythonReadsWhatWasPassedAndWritesIntoIt() throws {
    let pair = try socketPair()
    let there = try Pipe()
    let back = try Pipe()
    try there.writing.writeAll("through Python\n")
    let python = try PythonProcess(
      """
      message, (reading, writing), _, _ = socket.recv_fds(s, 100, 2)
      os.write(writing, message + os.read(reading, 100))
      """, on: pair.right)
    var list = DescriptorList(try there.reading.duplicate())
    list.append(try back.writing.duplicate())
    try pair.left.send("once ", passing: list)
    #expect(python.wait() == 0)
    #expect(try readOnce(back.reading, 100) == Array("once through Python\n".utf8))
  }

  @Test func framesOfPythonsHaveTheirDescriptors() throws {
    let pair = try socketPair()
    let python = try PythonProcess(
      """
      ends = [os.pipe() for _ in range(3)]
      for number, (reading, writing) in enumerate(ends): os.write(writing, b"%d\\n" % number)
      s.sendall(b"none\\n")
      socket.send_fds(s, [b"one\\n"], [ends[0][0]])
      s.sendall(b"none again\\ntw")
      socket.send_fds(s, [b"o\\n"], [ends[1][0], ends[2][0]])
      """, on: pair.right)
    #expect(python.wait() == 0)
    var reader = BufferedReader(pair.left, descriptorLimit: 2)
    for (frame, expected) in [("none", []), ("one", ["0"]), ("none again", []), ("two", ["1", "2"])] {
      let line = try reader.nextLine(as: String.self, deadline: .after(.seconds(60)))
      #expect(line == frame)
      var descriptors = reader.takeDescriptors()
      var found: [String] = []
      while let descriptor = descriptors.popFirst() {
        var inner = BufferedReader(descriptor)
        found.append(try inner.nextLine(as: String.self, deadline: .after(.seconds(60))) ?? "end")
      }
      #expect(found == expected)
    }
  }

  @Test func oneTooManyOfPythonsIsRefused() throws {
    let pair = try socketPair()
    let python = try PythonProcess("socket.send_fds(s, [b'x'], [0, 0, 0])", on: pair.right)
    #expect(python.wait() == 0)
    let ended = ipcFailure { _ = try receive(pair.left, limit: 2) }
    #expect(ended == .peer(.tooManyDescriptors(limit: 2)))
  }
}
