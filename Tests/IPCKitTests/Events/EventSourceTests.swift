// Readiness of every kind of descriptor that the library watches, and what becomes of events that come too early, too late
// or for somebody who has gone.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct EventSourceTests {
  private static let soon = Duration.seconds(60)

  @Test(arguments: [false, true]) func readableWhenBytesCome(socket: Bool) async throws {
    try await withLoop { loop in
      let channel = try channel(throughSocket: socket)
      let source = try EventSource(channel.right, on: loop)
      #expect(try source.descriptor.isNonBlocking)
      let number = channel.left.release()
      let writer = Task(executorPreference: loop) {
        // Released above, for this task.
        let writing = unsafe FileDescriptor(owning: number)
        await loop.sleep(until: .after(.milliseconds(2)))
        try writing.writeAll("x")
      }
      try await source.readable(deadline: .after(Self.soon))
      #expect(try readOnce(source.descriptor, 9) == Array("x".utf8))
      try await writer.value
    }
  }

  @Test(arguments: [false, true]) func readableWhenThePeerEnds(socket: Bool) async throws {
    try await withLoop { loop in
      let channel = try channel(throughSocket: socket)
      let source = try EventSource(channel.right, on: loop)
      try channel.left.close()
      try await source.readable(deadline: .after(Self.soon))
      #expect(try readOnce(source.descriptor, 9) == [])
    }
  }

  @Test func readableWhenThePeerEndsItsSendingAlone() async throws {
    try await withLoop { loop in
      let pair = try socketPair()
      let source = try EventSource(pair.right, on: loop)
      try pair.left.shutdownSending()
      try await source.readable(deadline: .after(Self.soon))
      #expect(try readOnce(source.descriptor, 9) == [])
      #expect(try source.descriptor.isSocket)
    }
  }

  @Test(arguments: [false, true]) func writableWhenTheReaderMakesRoom(socket: Bool) async throws {
    try await withLoop { loop in
      let channel = try channel(throughSocket: socket)
      let source = try EventSource(channel.left, on: loop)
      try await source.writable(deadline: .after(Self.soon))
      fill(source.descriptor)
      await #expect(throws: IPCError.deadlineExceeded(operation: "write")) {
        // The edge from before the filling may still be there: once.
        for _ in 0..<2 { try await source.writable(deadline: .after(.milliseconds(5))) }
      }
      try drain(channel.right)
      try await source.writable(deadline: .after(Self.soon))
      try source.descriptor.writeAll("x", deadline: .after(.zero))
    }
  }

  @Test(arguments: [false, true]) func writableWhenTheReaderGoes(socket: Bool) async throws {
    try await withLoop { loop in
      let channel = try channel(throughSocket: socket)
      let source = try EventSource(channel.left, on: loop)
      fill(source.descriptor)
      try channel.right.close()
      try await source.writable(deadline: .after(Self.soon))
      #expect(systemFailure { try source.descriptor.writeAll("x") } != nil)
    }
  }

  @Test func terminalIsReadableAndHangsUp() async throws {
    try await withLoop { loop in
      let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
      let command = Command(arguments: ["sh", "-c", "echo hello"], environment: .inherited)
      let child = try await command.start(in: terminal, on: loop, deadline: .after(Self.soon))
      #expect(try await everything(from: terminal) == "hello\r\n")
      #expect(await child.exit() == .exited(0))
      let result: Void? = await terminal.source.untilHangup { await loop.sleep(until: .never) }
      #expect(result == nil)
    }
  }

  @Test func eventBeforeTheWaitIsNotLost() async throws {
    try await withLoop { loop in
      let pipe = try Pipe()
      let source = try EventSource(pipe.reading, on: loop)
      try pipe.writing.writeAll("x")
      // The loop turns, sees the edge, and finds nobody who waits.
      for _ in 0..<3 { await loop.sleep(until: .after(.milliseconds(1))) }
      try await source.readable(deadline: .after(.zero))
      // Seen once is seen.
      await expectNoMore(source)
    }
  }

  @Test func hangUpBeforeTheWaitStays() async throws {
    try await withLoop { loop in
      let pipe = try Pipe()
      let source = try EventSource(pipe.reading, on: loop)
      try pipe.writing.close()
      for _ in 0..<3 {
        try await source.readable(deadline: .after(Self.soon))
        try await source.writable(deadline: .after(Self.soon))
      }
    }
  }

  @Test func terminalThatWasHungUpServesTheNextProgram() async throws {
    try await withLoop { loop in
      let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
      for number in 0..<3 {
        let command = Command(arguments: ["sh", "-c", "sleep 0.02; echo \(number)"], environment: .inherited)
        let child = try await command.start(in: terminal, on: loop, deadline: .after(Self.soon))
        #expect(try await everything(from: terminal) == "\(number)\r\n")
        #expect(await child.exit() == .exited(0))
      }
    }
  }

  @Test func oneReaderAndOneWriterWaitAtOnce() async throws {
    try await withLoop { loop in
      let pair = try socketPair()
      let holder = try Holder(EventSource(pair.left, on: loop))
      fill(holder.source.descriptor)
      async let read: Void = holder.readable()
      async let written: Void = holder.writable()
      await Task.yield()
      try pair.right.writeAll("x")
      try await read
      try drain(pair.right)
      try await written
    }
  }

  @Test func twoReadersTrap() async {
    await #expect(processExitsWith: .failure) {
      try await withLoop { loop in
        let pipe = try Pipe()
        let holder = try Holder(EventSource(pipe.reading, on: loop))
        async let first: Void = holder.readable()
        async let second: Void = holder.readable()
        _ = try await (first, second)
      }
    }
  }

  @Test func cancellationEndsAWaitAndTheNextOneWorks() async throws {
    try await withLoop { loop in
      let pipe = try Pipe()
      let holder = try Holder(EventSource(pipe.reading, on: loop))
      for _ in 0..<100 {
        let waiting = Task(executorPreference: loop) { () -> IPCError? in
          do throws(IPCError) {
            try await holder.readable()
            return nil
          } catch { return error }
        }
        startDetachedThread { waiting.cancel() }
        #expect(await waiting.value == .cancelled)
      }
      try pipe.writing.writeAll("x")
      try await holder.source.readable(deadline: .after(Self.soon))
    }
  }

  /// Expects no event any more; one edge may be told twice, but not for ever.
  nonisolated(nonsending) private func expectNoMore(_ source: borrowing EventSource) async {
    var found = 0
    while found < 4, (try? await source.readable(deadline: .after(.milliseconds(1)))) != nil { found += 1 }
    #expect(found < 4)
  }

  private func fill(_ descriptor: borrowing FileDescriptor) {
    let bytes = String(repeating: "x", count: 1000)
    while failure(of: { try descriptor.writeAll(bytes, deadline: .after(.zero)) }) == nil {}
  }

  private func drain(_ descriptor: borrowing FileDescriptor) throws {
    try descriptor.setNonBlocking(true)
    while failure(of: { _ = try readOnce(descriptor, 1 << 16) }) == nil {}
  }

  /// Shared by two tasks of one loop, which is where all of it happens.
  final class Holder: @unchecked Sendable {
    let source: EventSource
    init(_ source: consuming EventSource) { self.source = source }
    nonisolated(nonsending) func readable() async throws(IPCError) { try await source.readable(deadline: .after(soon)) }
    nonisolated(nonsending) func writable() async throws(IPCError) { try await source.writable(deadline: .after(soon)) }
  }
}
