// Sockets that wait for others, and that somebody who shares them has shut down: ready for ever, with nothing. Whoever waits
// at one hears of it.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ShutDownSocketTests {
  private static let soon = Duration.seconds(60)

  @Test(arguments: [SHUT_RD, SHUT_RDWR]) func acceptEnds(how: Int) throws {
    let directory = try TemporaryDirectory()
    let socket = try boundSocket(directory("s"), backlog: 8)
    let shared = try socket.duplicate()
    let listener = try UnixListener(inheriting: socket)
    // Who came before is let in.
    let client = try UnixStream(connectingTo: .path(directory("s")))
    shared.shutDown(how)
    _ = try listener.accept(deadline: .after(Self.soon))
    let error = systemFailure { _ = try listener.accept(deadline: .after(Self.soon)) }
    #expect(error == SystemError(errno: ESHUTDOWN, operation: "accept4"))
    withExtendedLifetime(client) {}
  }

  @Test func receivingDatagramsEnds() throws {
    let address = UnixAddress.abstract("ipckit/\(getpid())/shut-down")
    let socket = try UnixDatagram(binding: address)
    // Bytes seen as raw bytes, here and below: nothing is reinterpreted.
    try unsafe UnixDatagram().send(Array("last".utf8).span.bytes, to: address)
    socket.descriptor.shutDown(SHUT_RD)
    var bytes = [UInt8](repeating: 0, count: 16)
    var span = bytes.mutableSpan
    var room = unsafe span.mutableBytes
    #expect(try socket.receive(into: &room, deadline: .after(Self.soon)).count == 4)
    #expect(systemFailure { _ = try socket.receive(into: &room, deadline: .after(Self.soon)) }?.errno == ESHUTDOWN)
    let descriptor = try socket.descriptor.duplicate()
    #expect(
      systemFailure { _ = try descriptor.receiveMessage(into: &room, deadline: .after(Self.soon)) }?.errno == ESHUTDOWN)
    #expect(systemFailure { _ = try descriptor.receive(into: &room, deadline: .after(Self.soon)) }?.errno == ESHUTDOWN)
  }

  @Test func receivingOnALoopEnds() async throws {
    try await withLoop { loop in
      let pair = try SocketPair(.datagram)
      pair.left.shutDown(SHUT_RDWR)
      let source = try EventSource(pair.left, on: loop)
      let error = await systemFailure {
        var bytes = [UInt8](repeating: 0, count: 16)
        var span = bytes.mutableSpan
        // Bytes seen as raw bytes: nothing is reinterpreted.
        var room = unsafe span.mutableBytes
        _ = try await source.receive(into: &room, deadline: .after(Self.soon))
      }
      #expect(error == SystemError(errno: ESHUTDOWN, operation: "recvmsg"))
      // Who only waits gives way to others all the same.
      let other = Task(executorPreference: loop) { await loop.sleep(until: .after(.milliseconds(1))) }
      for _ in 0..<4 { try await source.readable() }
      await other.value
    }
  }

  @Test(arguments: [SHUT_RD, SHUT_RDWR]) func serverEndsWithAnErrorAndFinishesWhatItHasBegun(how: Int) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let socket = try boundSocket(path, backlog: 8)
    let shared = try socket.duplicate()
    try await withLoop { [socket = Carrier(socket), shared = Carrier(shared)] loop in
      let server = Task.immediate(executorPreference: loop) {
        let listener = try UnixListener(inheriting: socket.take())
        var limits = ServerLimits()
        limits.drainTime = Self.soon
        try await Server(listener, on: loop, limits: limits).run { connection in try await echo(connection) }
      }
      try await onOwnThread {
        var client = try Client(path)
        try client.send("one\nhalf")
        #expect(try client.line() == "one")
        try shared.take().shutDown(how)
        try eventually { !isListening(path) }
        try client.send(" a line\n")
        #expect(try client.line() == "half a line")
        #expect(try client.rest() == [])
      }
      let error = await systemFailure { try await server.value }
      #expect(error == SystemError(errno: ESHUTDOWN, operation: "accept4"))
    }
  }
}

/// A descriptor on its way into a closure.
private final class Carrier: @unchecked Sendable {
  // Sendable, because whoever takes the descriptor out is the only one who ever does.
  private var descriptor: FileDescriptor?

  init(_ descriptor: consuming FileDescriptor) { self.descriptor = consume descriptor }

  func take() throws -> FileDescriptor {
    guard let descriptor = descriptor.take() else { throw HandlerFailed() }
    return descriptor
  }
}

extension FileDescriptor {
  /// As another process could that shares the socket.
  fileprivate borrowing func shutDown(_ how: Int) {
    // The number is used within the call alone.
    unsafe withUnsafeNumber { _ = shutdown($0, Int32(how)) }
  }
}
