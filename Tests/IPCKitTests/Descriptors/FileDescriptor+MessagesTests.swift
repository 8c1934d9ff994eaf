// Descriptors that travel: what is sent arrives once, as the same open file, owned by the receiver.

import Glibc
import IPCKit
import Testing

@Suite(.timeLimit(.minutes(5))) struct FileDescriptorMessagesTests {
  @Test(arguments: [SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM]) func lentDescriptorIsTheSameFileAndStays(
    _ type: __socket_type
  ) throws {
    let pair = try socketPair(type)
    let file = try eventCounter()
    try pair.left.send(bytes("hello"), lending: file)
    var message = try receive(pair.right)
    #expect(message.text == "hello")
    let count = message.descriptors.count
    #expect(count == 1)
    let arrived = message.descriptors.remove(at: 0)
    let isCloseOnExec = try arrived.isCloseOnExec
    #expect(isCloseOnExec)
    #expect(target(of: arrived) == target(of: file))
    // It is one counter under two numbers.
    try arrived.close()
    try IPCKitTests.count(file)
    #expect(try readOnce(file, 8) == [1, 0, 0, 0, 0, 0, 0, 0])
  }
}

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// A message as the tests look at it.
struct Received: ~Copyable {
  var text: String
  var descriptors: DescriptorList
}

/// Receives once, up to 64 KiB.
func receive(
  _ socket: borrowing FileDescriptor, _ size: Int = 1 << 16, limit: Int = DescriptorList.mostInMessage
) throws(IPCError) -> Received {
  var buffer = [UInt8](repeating: 0, count: size)
  var span = buffer.mutableSpan
  // Bytes seen as raw bytes.
  var bytes = unsafe span.mutableBytes
  let message = try socket.receive(into: &bytes, descriptorLimit: limit, deadline: .after(.seconds(60)))
  let text = String(decoding: buffer.prefix(message.count), as: UTF8.self)
  return Received(text: text, descriptors: message.descriptors)
}

extension FileDescriptor {
  /// The library's call with bytes of an array.
  func send(_ bytes: [UInt8], lending descriptor: borrowing FileDescriptor) throws(IPCError) {
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try unsafe send(bytes.span.bytes, lending: descriptor, deadline: .after(.seconds(60)))
  }

  /// The same with a list.
  func send(_ bytes: [UInt8], lending descriptors: borrowing DescriptorList) throws(IPCError) {
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try unsafe send(bytes.span.bytes, lending: descriptors, deadline: .after(.seconds(60)))
  }
}
