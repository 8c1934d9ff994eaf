// Bytes through pipes and sockets that are full, slow or gone.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct TransferTests {
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

  @Test func readerGoneInTheMidstIsNoSignal() async {
    await #expect(processExitsWith: .success) {
      signal(SIGPIPE, SIG_DFL)
      let pipe = try Pipe()
      let number = try pipe.reading.duplicate().release()
      let writing = pipe.intoWriting()
      let reader = RunningThread {
        // It is full, and the writer waits.
        var unread: CInt = 0
        // An integer for the length of the call.
        try eventually { unsafe ioctl(number, UInt(FIONREAD), &unread) == 0 && unread == 65536 }
        close(number)
      }
      let bytes = [UInt8](repeating: 1, count: 65537)
      // Bytes seen as raw bytes.
      #expect(try unsafe writing.write(bytes.span.bytes) == 65536)
      #expect(!isSignalPending(SIGPIPE))
      try reader.join()
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

  @Test(arguments: [false, true], [false, true])
  func readingOnceWaitsForWhatComes(nonBlocking: Bool, fromSocket: Bool) throws {
    let channel = try channel(throughSocket: fromSocket)
    let left = channel.left
    let right = channel.right
    try right.setNonBlocking(nonBlocking)
    let used = threadProcessorTime()
    let ended = ipcFailure { _ = try Self.read(right, .after(.milliseconds(50))) }
    #expect(ended == .deadlineExceeded(operation: "read"))
    #expect(threadProcessorTime() - used < 0.04)
    try left.writeAll("some")
    #expect(try Self.read(right, .after(Self.soon)) == "some")
    let number = try left.duplicate().release()
    try left.close()
    let writing = RunningThread {
      // The duplicate is this thread's, and the end comes with it.
      let left = unsafe FileDescriptor(owning: number)
      usleep(20_000)
      try left.writeAll("more")
    }
    #expect(try Self.read(right, .never) == "more")
    #expect(try Self.read(right, .after(Self.soon)) == "")
    try writing.join()
  }

  private static func read(_ descriptor: borrowing FileDescriptor, _ deadline: Deadline) throws -> String {
    var buffer = [UInt8](repeating: 0, count: 100)
    var span = buffer.mutableSpan
    // Bytes seen as raw bytes.
    var bytes = unsafe span.mutableBytes
    let count = try descriptor.read(into: &bytes, deadline: deadline)
    return String(decoding: buffer.prefix(count), as: UTF8.self)
  }

  @Test(arguments: [false, true]) func writingOnceTakesWhatFitsUntilTheDeadline(toSocket: Bool) throws {
    let channel = try channel(throughSocket: toSocket)
    try channel.left.setNonBlocking(true)
    let bytes = [UInt8](repeating: 1, count: 10 << 20)
    // Bytes seen as raw bytes, here and below.
    let taken = try unsafe channel.left.write(bytes.span.bytes, deadline: .after(Self.soon))
    #expect(taken > 0 && taken < bytes.count)
    while failure(of: { try channel.left.writeAll("0123456789", deadline: .after(.zero)) }) == nil {}
    let ended = ipcFailure { _ = try unsafe channel.left.write(bytes.span.bytes, deadline: .after(.milliseconds(50))) }
    #expect(ended == .deadlineExceeded(operation: "write"))
    #expect(try readOnce(channel.right, 1 << 20).count > 0)
    let more = try unsafe channel.left.write(bytes.span.bytes, deadline: .never)
    #expect(more > 0)
  }
}
