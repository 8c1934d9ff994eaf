// Datagrams of the kernel's socket diagnostics, against a reading of them that knows arrays alone.

import Glibc

@testable import IPCKit

@Sendable func fuzzNetlink(_ input: inout Input) throws {
  let bytes = input.rest()
  let expected = messages(bytes)
  // Bytes seen as raw bytes: nothing is reinterpreted.
  let span = unsafe bytes.span.bytes
  var found = NetlinkMessages(span)
  for message in expected {
    guard let next = found.next() else { fail("no message where \(message) is") }
    expectEqual([Int(next.type), Int(next.flags)], [message.type, message.flags], "type and flags")
    expectEqual(next.content, message.content, "where the content is")
    var places: [[Int]] = []
    NetlinkMessages.forEachAttribute(in: next.content, of: span) { type, range in
      places.append([Int(type), range.lowerBound, range.upperBound])
    }
    expectEqual(places, attributes(bytes, message.content), "attributes")
  }
  expect(found.next() == nil, "a message after the last")
  diagnose(bytes, expected)
}

private struct Message {
  let type: Int
  let flags: Int
  let content: Range<Int>
}

private func word(_ bytes: [UInt8], _ place: Int, _ width: Int) -> Int {
  bytes[place..<place + width].reversed().reduce(0) { $0 * 256 + Int($1) }
}

private func messages(_ bytes: [UInt8]) -> [Message] {
  var (found, place): ([Message], Int) = ([], 0)
  while place + 16 <= bytes.count {
    let length = word(bytes, place, 4)
    guard length >= 16, place + length <= bytes.count else { break }
    found.append(
      Message(
        type: word(bytes, place + 4, 2), flags: word(bytes, place + 6, 2), content: place + 16..<place + length))
    place += (length + 3) / 4 * 4
  }
  return found
}

private func attributes(_ bytes: [UInt8], _ range: Range<Int>) -> [[Int]] {
  var (found, place): ([[Int]], Int) = ([], range.lowerBound)
  while place + 4 <= range.upperBound {
    let length = word(bytes, place, 2)
    guard length >= 4, place + length <= range.upperBound else { break }
    found.append([word(bytes, place + 2, 2), place + 4, place + length])
    place += (length + 3) / 4 * 4
  }
  return found
}

private func diagnose(_ bytes: [UInt8], _ messages: [Message]) {
  let sockets = messages.prefix { $0.type != 2 && $0.type != 3 }.filter { $0.content.count >= 16 }
  let inodes = sockets.map { UInt64(word(bytes, $0.content.lowerBound + 4, 4)) }
  var diagnostics = UnixDiagnostics(wanted: Set(inodes))
  let end = messages.first { $0.type == 2 || $0.type == 3 }
  let code = end.map { $0.content.count < 4 ? 0 : word(bytes, $0.content.lowerBound, 4) } ?? 0
  do throws(SystemError) {
    // Bytes seen as raw bytes: nothing is reinterpreted.
    let isLast = try diagnostics.read(unsafe bytes.span.bytes)
    expectEqual(isLast, end != nil || bytes.isEmpty, "whether it was the last datagram")
    expectEqual(code, 0, "the error that was passed over")
  } catch {
    expect(code != 0, "\(error) out of nothing")
    let number = Int64(Int32(truncatingIfNeeded: code))
    expectEqual(error.errno, (-4095..<0).contains(number) ? CInt(-number) : EIO, "the error")
  }
  let records = diagnostics.finished()
  expectEqual(Set(records.found.keys), Set(inodes), "the sockets")
  for (inode, message) in zip(inodes, sockets) where inodes.filter({ $0 == inode }).count == 1 {
    let fields = attributes(bytes, message.content.dropFirst(16))
    let socket = records.found[inode]?.socket
    let queues = fields.last { $0[0] == 4 && $0[2] - $0[1] >= 8 }.map { UInt32(word(bytes, $0[1], 4)) }
    expectEqual(socket?.receiveQueue, queues, "the queue of \(inode)")
    expectEqual(socket?.state == .listening, bytes[message.content.lowerBound + 2] == 10, "whether \(inode) listens")
    let name = fields.last { $0[0] == 0 && $0[2] > $0[1] }.map { Array(bytes[$0[1]..<$0[2]]) }
    expectEqual(socket?.address == nil, name == nil, "whether \(inode) has a name")
  }
}
