// The buffer by itself: how much it reads at a time, when it grows, and what taking and dropping leave.

import Glibc
import IPCKit
import Testing

@Suite struct FrameBufferTests {
  /// A buffer and a pipe that it reads from, four bytes at first, with a limit of ten.
  private struct Fixture: ~Copyable {
    let pipe: Pipe
    var buffer = FrameBuffer()
    init() throws { pipe = try Pipe(nonBlocking: true) }

    mutating func read(after text: String) throws -> Int64 {
      if !text.isEmpty { try pipe.writing.writeAll(text) }
      return buffer.read(from: pipe.reading, first: 4, most: 18).count
    }

    mutating func taken(_ framing: Framing, limit: Int = 10) throws -> String? {
      guard let frame = try buffer.nextFrame(framing, limit: limit) else { return nil }
      let view = buffer.take(frame)
      // The view is valid here, and the string copies it.
      return unsafe view.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }

    var unread: String { String(decoding: buffer.unread, as: UTF8.self) }
  }

  @Test func isEmptyBeforeTheFirstByte() {
    let buffer = FrameBuffer()
    #expect(buffer.unreadCount == 0)
    #expect(buffer.unread == [])
  }

  @Test func roomGrowsUntilALineOverTheLimitCanBeTold() throws {
    var fixture = try Fixture()
    var rooms = [try fixture.read(after: String(repeating: "x", count: 100))]
    while fixture.buffer.unreadCount < 11 { rooms.append(try fixture.read(after: "")) }
    #expect(rooms == [4, 4, 8])
    let error = #expect(throws: IPCError.self) { _ = try fixture.taken(.line) }
    #expect(error == .peer(.frameTooLong(limit: 10, received: 16)))
  }

  @Test func roomOfATakenFrameIsUsedAgain() throws {
    var fixture = try Fixture()
    #expect(try fixture.read(after: "ab\nc") == 4)
    #expect(try fixture.taken(.line) == "ab")
    // The one unread byte moves to the front before anything grows.
    #expect(try fixture.read(after: "defgh") == 3)
    #expect(fixture.unread == "cdef")
  }

  @Test func dropForgetsAllAndMakesRoom() throws {
    var fixture = try Fixture()
    _ = try fixture.read(after: "abcd")
    #expect(fixture.buffer.drop() == 4)
    #expect(fixture.unread == "")
    #expect(try fixture.read(after: "efgh") == 4)
    #expect(fixture.unread == "efgh")
  }

  @Test func aReadThatGivesNothingLeavesItAsItWas() throws {
    var fixture = try Fixture()
    _ = try fixture.read(after: "ab")
    #expect(try fixture.read(after: "") == -Int64(EAGAIN))
    #expect(fixture.unread == "ab")
  }

  @Test func delimitersMayChangeOnTheWay() throws {
    var fixture = try Fixture()
    for _ in 0..<2 { _ = try fixture.read(after: "a,b\n") }
    #expect(try fixture.taken(.delimited(by: 0)) == nil)
    #expect(try fixture.taken(.delimited(by: UInt8(ascii: ","))) == "a")
    #expect(try fixture.taken(.line) == "b")
    #expect(try fixture.taken(.raw) == "a,b\n")
    #expect(try fixture.taken(.raw) == nil)
  }

  @Test(arguments: [1, 2, 4, 8], [Framing.ByteOrder.bigEndian, .littleEndian])
  func lengthsOfEveryWidthAndOrder(width: Int, order: Framing.ByteOrder) throws {
    var fixture = try Fixture()
    let framing = Framing.lengthPrefixed(by: width, order)
    let length = [UInt8](repeating: 0, count: width - 1)
    let prefix = order == .bigEndian ? length + [3] : [3] + length
    let message = prefix + Array("abc".utf8)
    for byte in message.dropLast() {
      _ = try fixture.read(after: String(UnicodeScalar(byte)))
      #expect(try fixture.taken(framing) == nil)
    }
    #expect(throws: IPCError.peer(.frameCutOff(expected: 3, received: 2))) { _ = try fixture.buffer.lastFrame(framing) }
    _ = try fixture.read(after: "c")
    #expect(try fixture.taken(framing) == "abc")
    #expect(fixture.unread == "")
  }

  @Test func aLengthOverTheLimitIsRefusedByItsPromise() throws {
    var fixture = try Fixture()
    _ = try fixture.read(after: "\u{0}\u{B}")
    let error = #expect(throws: IPCError.self) { _ = try fixture.taken(.lengthPrefixed(by: 2, .bigEndian)) }
    #expect(error == .peer(.frameTooLong(limit: 10, received: 11)))
  }
}
