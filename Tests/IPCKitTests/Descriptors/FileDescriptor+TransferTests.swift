// Bytes through pipes and sockets that are full, slow or gone.

import Glibc
import IPCKit
import Testing

@Suite struct TransferTests {
  private static let soon = Duration.seconds(60)

  @Test func readGivesWhatIsThereThenTheEnd() throws {
    let pipe = try Pipe()
    try pipe.writing.writeAll("abc")
    #expect(try readOnce(pipe.reading, 2) == Array("ab".utf8))
    #expect(try readOnce(pipe.reading, 2) == Array("c".utf8))
    let reading = pipe.intoReading()
    #expect(try readOnce(reading, 2) == [])
  }

  @Test func readOfNothingYet() throws {
    let pipe = try Pipe(nonBlocking: true)
    let ended = systemFailure { _ = try readOnce(pipe.reading, 2) }
    #expect(ended == SystemError(errno: EAGAIN, operation: "read"))
  }

  @Test func readIntoNoRoom() throws {
    let pipe = try Pipe(nonBlocking: true)
    try pipe.writing.writeAll("abc")
    #expect(try readOnce(pipe.reading, 0) == [])
    #expect(try readOnce(pipe.reading, 9) == Array("abc".utf8))
  }

  @Test func writeOfNothing() throws {
    let pipe = try Pipe()
    let pair = try socketPair()
    // Bytes seen as raw bytes.
    #expect(try unsafe pipe.writing.write([UInt8]().span.bytes) == 0)
    #expect(try unsafe pair.left.write([UInt8]().span.bytes) == 0)
    try pipe.writing.writeAll("")
  }

  @Test func readerGoneIsBrokenPipeAndNoSignal() async {
    await #expect(processExitsWith: .success) {
      signal(SIGPIPE, SIG_DFL)
      let writing = try Pipe().intoWriting()
      #expect(systemFailure { try writing.writeAll("x") } == SystemError(errno: EPIPE, operation: "write"))
      let left = try socketPair().intoLeft()
      #expect(systemFailure { try left.writeAll("x") } == SystemError(errno: EPIPE, operation: "write"))
      #expect(!isSignalPending(SIGPIPE))
    }
  }

  @Test func blockedSignalStaysUnraised() async {
    await #expect(processExitsWith: .success) {
      try blockSignal(SIGPIPE)
      let writing = try Pipe().intoWriting()
      #expect(systemFailure { try writing.writeAll("x") }?.errno == EPIPE)
      #expect(!isSignalPending(SIGPIPE))
      // One that was sent by someone else is not swallowed.
      pthread_kill(pthread_self(), SIGPIPE)
      #expect(isSignalPending(SIGPIPE))
      #expect(systemFailure { try writing.writeAll("x") }?.errno == EPIPE)
      #expect(isSignalPending(SIGPIPE))
    }
  }

  @Test(arguments: [false, true], [false, true])
  func writeAllThroughASlowReader(nonBlocking: Bool, toSocket: Bool) throws {
    var generator = SeededGenerator(seed: 7)
    let sent = generator.bytes(1 << 20)
    let channel = try channel(throughSocket: toSocket)
    let number = try channel.right.duplicate().release()
    let writing = channel.intoLeft()
    try writing.setNonBlocking(nonBlocking)
    let reader = RunningThread {
      // The duplicate is this thread's.
      let reading = unsafe FileDescriptor(owning: number)
      var (received, step) = ([UInt8](), 1)
      while true {
        // Odd and growing sizes, so that the writer's parts never match them.
        let part = try readOnce(reading, step)
        guard !part.isEmpty else { return received }
        received += part
        step = min(step * 3 + 1, 60_001)
      }
    }
    // Bytes seen as raw bytes.
    try unsafe writing.writeAll(sent.span.bytes, deadline: nonBlocking ? .after(Self.soon) : .never)
    try writing.close()
    #expect(try reader.join() == sent)
  }

  @Test func writeAllWhoseReaderGoesAwayInBetween() throws {
    let pipe = try Pipe(nonBlocking: true)
    let number = try pipe.reading.duplicate().release()
    let writing = pipe.intoWriting()
    let reader = RunningThread {
      // The duplicate is this thread's.
      let reading = unsafe FileDescriptor(owning: number)
      var reader = BufferedReader(reading)
      _ = try reader.next(exactly: 10, deadline: .after(Self.soon))
    }
    let bytes = [UInt8](repeating: 1, count: 1 << 20)
    // Bytes seen as raw bytes.
    let ended = systemFailure { try unsafe writing.writeAll(bytes.span.bytes, deadline: .after(Self.soon)) }
    #expect(ended?.errno == EPIPE)
    try reader.join()
  }

  @Test(arguments: [false, true], [false, true])
  func writeAllIntoWhatIsFullEndsAtTheDeadline(nonBlocking: Bool, toSocket: Bool) throws {
    let channel = try channel(throughSocket: toSocket)
    try channel.left.setNonBlocking(true)
    while failure(of: { try channel.left.writeAll("0123456789", deadline: .after(.zero)) }) == nil {}
    try channel.left.setNonBlocking(nonBlocking)
    let used = threadProcessorTime()
    let ended = ipcFailure { try channel.left.writeAll("x", deadline: .after(.milliseconds(50))) }
    #expect(ended == .deadlineExceeded(operation: "write"))
    #expect(threadProcessorTime() - used < 0.04)
  }
}
