// The buffer by itself: how much room it offers, when it grows, and what dropping leaves.

import IPCKit
import Testing

@Suite struct FrameBufferTests {
  @Test func allocatesNothingBeforeTheFirstByte() {
    let buffer = FrameBuffer(limit: 10, capacity: 4)
    #expect(buffer.unreadCount == 0)
    #expect(buffer.unread == [])
  }

  @Test func roomGrowsToOneMoreThanTheLimit() throws {
    var buffer = FrameBuffer(limit: 10, capacity: 4)
    var rooms: [Int] = []
    while buffer.unreadCount < 11 { rooms.append(fill(&buffer, with: 1)) }
    #expect(rooms == [4, 4, 3])
    #expect(throws: PeerError.frameTooLong(limit: 10, received: 11)) { try buffer.frameLength(endingWith: 0) }
  }

  @Test func roomOfATakenFrameIsUsedAgain() throws {
    var buffer = FrameBuffer(limit: 10, capacity: 4)
    #expect(fill(&buffer, with: 1) == 4)
    #expect(buffer.take(3).byteCount == 3)
    // The one unread byte moves to the front before anything grows.
    #expect(fill(&buffer, with: 2) == 3)
    #expect(buffer.unread == [1, 2, 2, 2])
    #expect(buffer.take(4).byteCount == 4)
    #expect(fill(&buffer, with: 3) == 4)
  }

  @Test func dropForgetsAllAndMakesRoom() throws {
    var buffer = FrameBuffer(limit: 4, capacity: 4)
    while buffer.unreadCount < 5 { _ = fill(&buffer, with: 1) }
    #expect(buffer.drop() == 5)
    #expect(buffer.unread == [])
    #expect(fill(&buffer, with: 2) == 5)
  }

  @Test func failedReadLeavesItAsItWas() throws {
    var buffer = FrameBuffer(limit: 10, capacity: 4)
    _ = fill(&buffer, with: 1)
    #expect(throws: PeerError.notUTF8) {
      _ = try buffer.fill { (_: inout MutableRawSpan) throws(PeerError) -> Int in throw .notUTF8 }
    }
    #expect(buffer.unread == [1, 1, 1, 1])
  }

  /// Fills all the room that is offered; answers how much it was.
  private func fill(_ buffer: inout FrameBuffer, with byte: UInt8) -> Int {
    buffer.fill { room in
      for offset in 0..<room.byteCount { room.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self) }
      return room.byteCount
    }
  }
}
