// Messages over a socket that a loop watches: waiting for them and for room, and what ends the wait.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct EventSourceMessagesTests {
  private static let types = [SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM]
  private static let soon = Duration.seconds(60)

  @Test(arguments: types) func receivingWaitsForWhatComes(_ type: __socket_type) async throws {
    let freight = try Freight(2)
    try await withLoop { loop in
      let pair = try socketPair(type)
      let (source, sending) = (try SourceBox(EventSource(pair.right, on: loop)), pair.left.release())
      let isWaiting = Flag()
      let sender = RunningThread {
        // Released above, for this thread.
        let socket = unsafe FileDescriptor(owning: sending)
        try isWaiting.wait()
        try socket.send("hello", passing: freight.take())
      }
      // Runs when this task waits.
      Task(executorPreference: loop) { isWaiting.set() }
      #expect(try await source.receive() == "hello \(freight.names.joined(separator: " "))")
      try sender.join()
    }
    try freight.untilAllAreGone()
  }

  @Test(arguments: types) func sendingWaitsForRoom(_ type: __socket_type) async throws {
    let freight = try Freight(1)
    try await withLoop { loop in
      let pair = try socketPair(type)
      let (source, receiving) = (try SourceBox(EventSource(pair.left, on: loop)), pair.right.release())
      source.fill()
      let isWaiting = Flag()
      let receiver = RunningThread { () -> String in
        // Released above, for this thread.
        let socket = unsafe FileDescriptor(owning: receiving)
        try isWaiting.wait()
        var message = try receive(socket)
        while message.descriptors.isEmpty { message = try receive(socket) }
        let expected = String(message.text.drop { $0 == "x" })
        return "\(expected) \(message.names.joined(separator: " "))"
      }
      Task(executorPreference: loop) { isWaiting.set() }
      try await source.send("hello", lending: freight)
      #expect(try receiver.join() == "hello \(freight.names[0])")
    }
    #expect(try freight.isHeld(0))
  }

  @Test func whoSendsNoMoreStillGetsAllOfIt() async throws {
    let text = SeededGenerator.text(2 << 20)
    try await withLoop { loop in
      let pair = try socketPair()
      try pair.right.shutdownSending()
      let (source, receiving) = (try SourceBox(EventSource(pair.left, on: loop)), pair.right.release())
      let receiver = RunningThread { () -> Int in
        // Released above, for this thread.
        let socket = unsafe FileDescriptor(owning: receiving)
        var count = 0
        while count < text.utf8.count { count += try readOnce(socket, 4096).count }
        return count
      }
      let bytes = Array(text.utf8)
      // Bytes seen as raw bytes.
      try await unsafe source.source.write(bytes.span.bytes, deadline: .after(Self.soon))
      #expect(try receiver.join() == bytes.count)
    }
  }

  @Test func restOfALargeMessageIsAwaited() async throws {
    let freight = try Freight(2)
    let text = SeededGenerator.text(2 << 20)
    try await withLoop { loop in
      let pair = try socketPair()
      let (source, receiving) = (try SourceBox(EventSource(pair.left, on: loop)), pair.right.release())
      let receiver = RunningThread { () -> (String, [String]) in
        // Released above, for this thread.
        let socket = unsafe FileDescriptor(owning: receiving)
        var (found, names) = ("", [String]())
        while found.utf8.count < text.utf8.count {
          let message = try receive(socket)
          found += message.text
          names += message.names
        }
        return (found, names)
      }
      try await source.send(text, passing: freight)
      let (found, names) = try receiver.join()
      #expect(found == text)
      #expect(names == freight.names)
    }
    try freight.untilAllAreGone()
  }

  @Test func boundariesOfAStreamDoNotStall() async throws {
    let freight = try Freight(2)
    try await withLoop { loop in
      let pair = try socketPair()
      let source = try SourceBox(EventSource(pair.right, on: loop))
      try pair.left.send("one", lending: try freight.copy(0))
      try pair.left.send("two", lending: try freight.copy(1))
      try pair.left.writeAll("three")
      // The event of all three is taken before the first is received.
      for _ in 0..<3 { await loop.sleep(until: .after(.milliseconds(1))) }
      #expect(try await source.receive() == "one \(freight.names[0])")
      #expect(try await source.receive() == "two \(freight.names[1])")
      #expect(try await source.receive() == "three ")
      try pair.left.close()
      #expect(try await source.receive() == " ")
    }
  }

  @Test func whatIsTooMuchIsToldAndTheNextArrives() async throws {
    let freight = try Freight(3)
    try await withLoop { loop in
      let pair = try socketPair(SOCK_SEQPACKET)
      let source = try SourceBox(EventSource(pair.right, on: loop))
      try pair.left.send("many", passing: freight.take())
      try pair.left.send("a long message", lending: DescriptorList())
      try pair.left.send("next", lending: DescriptorList())
      await #expect(throws: IPCError.peer(.tooManyDescriptors(limit: 2))) { try await source.receive(limit: 2) }
      await #expect(throws: IPCError.peer(.messageTooLong(limit: 10, received: 14))) { try await source.receive(10) }
      #expect(try await source.receive() == "next ")
    }
    try freight.untilAllAreGone()
  }

  // MARK: Ends of waiting

  @Test(arguments: types) func deadlinePasses(_ type: __socket_type) async throws {
    let freight = try Freight(1)
    try await withLoop { loop in
      let pair = try socketPair(type)
      let source = try SourceBox(EventSource(pair.left, on: loop))
      await #expect(throws: IPCError.deadlineExceeded(operation: "read")) {
        try await source.receive(deadline: .after(.milliseconds(5)))
      }
      source.fill()
      await #expect(throws: IPCError.deadlineExceeded(operation: "write")) {
        try await source.send("hello", passing: freight, deadline: .after(.milliseconds(5)))
      }
    }
    try freight.untilAllAreGone()
  }

  @Test(arguments: types) func cancellationEndsTheWait(_ type: __socket_type) async throws {
    let freight = try Freight(1)
    try await withLoop { loop in
      let pair = try socketPair(type)
      let source = try SourceBox(EventSource(pair.left, on: loop))
      func isCancelled(_ body: @escaping @Sendable () async throws -> Void) async -> Bool {
        let waiting = Task.immediate(executorPreference: loop) { () -> IPCError? in
          do { try await body() } catch { return error as? IPCError }
          return nil
        }
        waiting.cancel()
        return await waiting.value == .cancelled
      }
      #expect(await isCancelled { _ = try await source.receive() })
      source.fill()
      #expect(await isCancelled { try await source.send("hello", passing: freight) })
      // What comes later is not lost.
      try pair.right.send("late", lending: DescriptorList())
      #expect(try await source.receive() == "late ")
    }
    try freight.untilAllAreGone()
  }

  @Test func peerThatHasGoneIsAnError() async throws {
    let freight = try Freight(1)
    try await withLoop { loop in
      var pair = try socketPair(SOCK_SEQPACKET)
      pair.right = try openFile("/dev/null", O_RDONLY)
      let source = try SourceBox(EventSource(pair.left, on: loop))
      #expect(try await source.receive() == " ")
      #expect(await systemFailure { try await source.send("x", passing: freight) }?.errno == EPIPE)
    }
    try freight.untilAllAreGone()
  }
}

/// A source that tasks of its loop share, and messages as values to compare.
private final class SourceBox: @unchecked Sendable {
  let source: EventSource

  init(_ source: consuming EventSource) { self.source = source }

  /// Writes until there is no room for a byte. A poll would say so long before.
  func fill() {
    for piece in [[UInt8](repeating: 120, count: 1000), [120]] {
      // Bytes seen as raw bytes.
      while failure(of: { _ = try unsafe source.descriptor.write(piece.span.bytes) }) == nil {}
    }
  }

  /// Receives once: the text, and the names of what came with it.
  nonisolated(nonsending) func receive(
    _ size: Int = 1 << 16, limit: Int = 253, deadline: Deadline = .after(.seconds(60))
  ) async throws -> String {
    var buffer = [UInt8](repeating: 0, count: size)
    let message = try await receive(into: &buffer, limit, deadline)
    return
      "\(String(decoding: buffer.prefix(message.count), as: UTF8.self)) \(names(of: message.descriptors).joined(separator: " "))"
  }

  nonisolated(nonsending) private func receive(
    into buffer: inout [UInt8], _ limit: Int, _ deadline: Deadline
  ) async throws -> ReceivedMessage {
    var span = buffer.mutableSpan
    // Bytes seen as raw bytes, here and below.
    var bytes = unsafe span.mutableBytes
    return try await source.receive(into: &bytes, descriptorLimit: limit, deadline: deadline)
  }

  nonisolated(nonsending) func send(_ text: String, lending freight: Freight) async throws {
    let bytes = Array(text.utf8)
    try await unsafe source.send(bytes.span.bytes, lending: freight.descriptors, deadline: .after(.seconds(60)))
  }

  nonisolated(nonsending) func send(
    _ text: String, passing freight: Freight, deadline: Deadline = .after(.seconds(60))
  ) async throws {
    let bytes = Array(text.utf8)
    try await unsafe source.send(bytes.span.bytes, passing: freight.take(), deadline: deadline)
  }
}
