// What is collected is written when it must be, whole and in order, and lost only with an error.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct BufferedWriterTests {
  private static let soon = Duration.seconds(60)

  @Test func nothingIsWrittenBeforeTheBufferIsFullOrFlushed() throws {
    let pipe = try Pipe(nonBlocking: true)
    let reading = pipe.reading
    var writer = BufferedWriter(pipe.writing, capacity: 4)
    try writer.write("abc")
    #expect(systemFailure { _ = try readOnce(reading, 9) }?.errno == EAGAIN)
    try writer.write("d")
    #expect(try readOnce(reading, 9) == Array("abcd".utf8))
    try writer.write([0x65, 0xff])
    try writer.flush()
    #expect(try readOnce(reading, 9) == [0x65, 0xff])
  }

  @Test func closeAndDetachWriteTheRest() throws {
    let pipe = try Pipe()
    var writer = BufferedWriter(pipe.writing)
    try writer.write("one\n")
    var second = BufferedWriter(try writer.detach())
    try second.write("two\n")
    try second.close()
    var reader = BufferedReader(pipe.reading)
    #expect(try reader.nextLine(as: String.self) == "one")
    #expect(try reader.nextLine(as: String.self) == "two")
    #expect(try reader.nextLine(as: String.self, deadline: .after(Self.soon)) == nil)
  }

  @Test(arguments: [1, 7, 4096]) func manyPiecesArriveWhole(capacity: Int) throws {
    let pair = try socketPair()
    let number = pair.right.release()
    let reading = RunningThread {
      // Released above, for this thread.
      var reader = BufferedReader(unsafe FileDescriptor(owning: number), capacity: 100)
      var lines: [String] = []
      while let line = try reader.nextLine(as: String.self, deadline: .after(Self.soon)) { lines.append(line) }
      return lines
    }
    var writer = BufferedWriter(pair.left, capacity: capacity)
    for number in 0..<5000 { try writer.write("line \(number)\n") }
    try writer.close()
    #expect(try reading.join() == (0..<5000).map { "line \($0)" })
  }

  @Test func slowReaderRunsIntoTheDeadlineAndGoneOneIsBrokenPipe() throws {
    let pipe = try Pipe(nonBlocking: true)
    var writer = BufferedWriter(pipe.writing, capacity: 1 << 20)
    try writer.write([UInt8](repeating: 1, count: 1 << 19))
    #expect(ipcFailure { try writer.flush(deadline: .after(.zero)) } == .deadlineExceeded(operation: "write"))
    // What was collected is gone.
    try writer.flush(deadline: .after(.zero))
  }

  @Test func goneReaderIsBrokenPipeAndTheDescriptorIsClosed() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        try quiet.expectNothingLeftOpen {
          let ended = systemFailure {
            var writer = BufferedWriter(try Pipe().intoWriting())
            try writer.write("x")
            try writer.close()
          }
          quiet.expect(ended?.errno, is: EPIPE)
        }
      }
    }
  }
}
