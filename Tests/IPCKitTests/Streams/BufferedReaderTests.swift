// The reader's edges, each provoked through a pipe: where a frame ends, where the file does, and where the limit does.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct BufferedReaderTests {
  private static let soon = Duration.seconds(60)

  @Test func linesEmptyLineAndTheEndAreTold() throws {
    var reader = try reader(of: "one\n\nthree\n")
    #expect(try reader.nextLine(as: String.self) == "one")
    #expect(try reader.nextLine(as: String.self) == "")
    #expect(try reader.nextLine(as: String.self) == "three")
    #expect(try reader.nextLine(as: String.self) == nil)
    #expect(try reader.nextLine(as: String.self) == nil)
  }

  @Test func lastLineNeedsNoNewline() throws {
    var reader = try reader(of: "one\nlast")
    #expect(try reader.nextLine(as: String.self) == "one")
    #expect(try reader.nextLine(as: String.self) == "last")
    #expect(try reader.nextLine(as: String.self) == nil)
  }

  @Test func emptyFileHasNoLine() throws {
    var reader = try reader(of: "")
    #expect(try reader.nextLine(as: String.self) == nil)
    #expect(try reader.next(exactly: 1) == nil)
  }

  @Test func negativeCountIsAMistake() async {
    await #expect(processExitsWith: .failure) {
      let pipe = try Pipe()
      try pipe.writing.writeAll("what is there")
      var reader = BufferedReader(pipe.intoReading())
      _ = try reader.next(exactly: 1)
      _ = try reader.next(exactly: -1)
    }
  }

  @Test func carriageReturnIsKept() throws {
    var reader = try reader(of: "a\r\nb\n")
    #expect(try reader.nextLine(as: String.self) == "a\r")
  }

  @Test func framesEndWithNUL() throws {
    var reader = try reader(of: "a\nb\0\0c")
    #expect(try text(reader.next(endingWith: 0)) == "a\nb")
    #expect(try text(reader.next(endingWith: 0)) == "")
    #expect(try text(reader.next(endingWith: 0)) == "c")
    #expect(try text(reader.next(endingWith: 0)) == nil)
  }

  @Test func oneDelimiterAfterAnotherIsStillFound() throws {
    let pipe = try Pipe(nonBlocking: true)
    var reader = BufferedReader(pipe.reading)
    try pipe.writing.writeAll("a\0b")
    let ended = ipcFailure { _ = try reader.nextLine(deadline: .after(.zero)) }
    #expect(ended == .deadlineExceeded(operation: "read"))
    #expect(try text(reader.next(endingWith: 0)) == "a")
  }

  @Test func exactLengths() throws {
    var reader = try reader(of: "abcdefg")
    #expect(try text(reader.next(exactly: 3)) == "abc")
    #expect(try text(reader.next(exactly: 0)) == "")
    #expect(try text(reader.next(exactly: 4)) == "defg")
    #expect(try text(reader.next(exactly: 4)) == nil)
  }

  @Test func cutOffIsAnError() throws {
    var reader = try reader(of: "abc")
    let ended = ipcFailure { _ = try reader.next(exactly: 4) }
    #expect(ended == .peer(.frameCutOff(expected: 4, received: 3)))
    // What came is still there for who can use it.
    #expect(try text(reader.next(exactly: 3)) == "abc")
  }

  @Test func exactLengthOverTheLimit() throws {
    var reader = try reader(of: "abcdef", limit: 4)
    let ended = ipcFailure { _ = try reader.next(exactly: 5) }
    #expect(ended == .peer(.frameTooLong(limit: 4, received: 5)))
    #expect(try text(reader.next(exactly: 4)) == "abcd")
  }

  @Test(arguments: [1, 2, 7, 64, 4096], [1, 3, 64, 8192])
  func lineAroundTheLimit(limit: Int, capacity: Int) throws {
    for length in [limit - 1, limit] {
      let line = String(repeating: "x", count: length)
      var ended = try reader(of: line + "\nrest\n", limit: limit, capacity: capacity)
      #expect(try ended.nextLine(as: String.self) == line)
      var cut = try reader(of: line, limit: limit, capacity: capacity)
      #expect(try cut.nextLine(as: String.self) == (length == 0 ? nil : line))
    }
    let line = String(repeating: "x", count: limit + 1)
    for stream in [line, line + "\n", line + "\nrest\n", line + line] {
      var reader = try reader(of: stream, limit: limit, capacity: capacity)
      let ended = ipcFailure { _ = try reader.nextLine(as: String.self) }
      guard case .peer(.frameTooLong(limit, let received)) = ended else {
        Issue.record("\(String(describing: ended))")
        continue
      }
      #expect(received > limit && received <= stream.utf8.count)
      // The reader is where it was.
      #expect(try text(reader.next(exactly: limit)) == String(repeating: "x", count: limit))
    }
  }

  @Test func overlongLineDoesNotGrowTheBufferBeyondTheLimit() throws {
    var reader = try reader(of: String(repeating: "x", count: 60_000), limit: 1000, capacity: 16)
    let ended = ipcFailure { _ = try reader.nextLine() }
    #expect(ended == .peer(.frameTooLong(limit: 1000, received: 1001)))
  }

  @Test func limitOfAllThereIs() throws {
    var reader = try reader(of: String(repeating: "x", count: 1000) + "\n", limit: .max, capacity: 16)
    #expect(try reader.nextLine(as: [UInt8].self)?.count == 1000)
  }

  @Test(arguments: [false, true]) func nothingComesUntilTheDeadline(nonBlocking: Bool) throws {
    let pipe = try Pipe(nonBlocking: nonBlocking)
    var reader = BufferedReader(try pipe.reading.duplicate())
    let used = threadProcessorTime()
    let ended = ipcFailure { _ = try reader.nextLine(deadline: .after(.milliseconds(50))) }
    #expect(ended == .deadlineExceeded(operation: "read"))
    #expect(threadProcessorTime() - used < 0.04)
    // Reading can go on.
    try pipe.writing.writeAll("late\n")
    #expect(try reader.nextLine(as: String.self, deadline: .after(Self.soon)) == "late")
  }

  @Test(arguments: [false, true]) func drippingPeerDoesNotExtendTheDeadline(nonBlocking: Bool) throws {
    let pipe = try Pipe(nonBlocking: nonBlocking)
    let number = try pipe.writing.duplicate().release()
    try pipe.writing.writeAll("x")
    var reader = BufferedReader(pipe.intoReading())
    let dripper = RunningThread {
      // The duplicate is this thread's.
      let writing = unsafe FileDescriptor(owning: number)
      // Until nobody reads any more.
      while failure(of: { try writing.writeAll("x") }) == nil { usleep(2000) }
    }
    let ended = ipcFailure { _ = try reader.nextLine(deadline: .after(.milliseconds(100))) }
    #expect(ended == .deadlineExceeded(operation: "read"))
    let rest = reader.detach()
    #expect(!rest.unread.isEmpty)
    try rest.intoDescriptor().close()
    try dripper.join()
  }

  @Test func writtenBeforeAPassedDeadlineIsRead() throws {
    var reader = try reader(of: "there\n")
    #expect(try reader.nextLine(as: String.self, deadline: .after(.zero)) == "there")
  }

  @Test func notUTF8IsAnErrorAndConsumed() throws {
    let pipe = try Pipe()
    // Bytes seen as raw bytes.
    try unsafe pipe.writing.writeAll(([0x61, 0xff, 0x0a, 0x62, 0x0a] as [UInt8]).span.bytes)
    var reader = BufferedReader(pipe.intoReading())
    #expect(ipcFailure { _ = try reader.nextLine(as: String.self) } == .peer(.notUTF8))
    #expect(try reader.nextLine(as: String.self) == "b")
  }

  @Test func notUTF8IsFineAsBytes() throws {
    let pipe = try Pipe()
    // Bytes seen as raw bytes.
    try unsafe pipe.writing.writeAll(([0xff, 0x00, 0x0a] as [UInt8]).span.bytes)
    var reader = BufferedReader(pipe.intoReading())
    #expect(try reader.nextLine(as: [UInt8].self) == [0xff, 0x00])
  }

  @Test func detachGivesBackWhatWasNotRead() throws {
    var reader = try reader(of: "one\ntwo\nthree")
    #expect(try reader.nextLine(as: String.self) == "one")
    let detached = reader.detach()
    #expect(detached.unread == Array("two\nthree".utf8))
    #expect(try readOnce(detached.descriptor, 10) == [])
  }

  @Test func detachOfAnUnusedReader() throws {
    let detached = try reader(of: "one\n").detach()
    #expect(detached.unread == [])
    #expect(try readOnce(detached.descriptor, 10) == Array("one\n".utf8))
  }

  @Test func readerEndsItsDescriptor() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        try quiet.expectNothingLeftOpen {
          var reader = BufferedReader(try openFile("/dev/null", O_RDONLY))
          quiet.expect(try reader.nextLine(as: String.self) == nil)
        }
        try quiet.expectNothingLeftOpen {
          let detached = BufferedReader(try openFile("/dev/null", O_RDONLY)).detach()
          try detached.intoDescriptor().close()
        }
      }
    }
  }

  @Test func brokenConnectionIsTheSystemsError() throws {
    let pair = try socketPair()
    // Closing with unread input resets the connection.
    try pair.left.writeAll("unread")
    var reader = BufferedReader(pair.intoLeft())
    #expect(systemFailure { _ = try reader.nextLine() }?.errno == ECONNRESET)
  }

  @Test func directoryCannotBeRead() throws {
    var reader = BufferedReader(try openFile("/", O_RDONLY | O_DIRECTORY))
    #expect(systemFailure { _ = try reader.nextLine() } == SystemError(errno: EISDIR, operation: "read"))
  }

  @Test(arguments: [(0, 1), (1, 0), (-1, 1)]) func noRoomTraps(limit: Int, capacity: Int) async {
    await #expect(processExitsWith: .failure) { [limit = limit as Int, capacity = capacity as Int] in
      _ = BufferedReader(try openFile("/dev/null", O_RDONLY), limit: limit, capacity: capacity)
    }
  }

  /// A reader of a pipe that holds `text` and has ended.
  private func reader(of text: String, limit: Int = 1 << 20, capacity: Int = 1 << 16) throws -> BufferedReader {
    let pipe = try Pipe(nonBlocking: true)
    try pipe.writing.writeAll(text, deadline: .after(.zero))
    return BufferedReader(pipe.intoReading(), limit: limit, capacity: capacity)
  }
}
