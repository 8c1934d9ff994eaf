// Messages as text, and one with a descriptor that nobody asked for.

import Glibc
import IPCKit

extension FileDescriptor {
  /// Sends text as one message.
  borrowing func sendText(_ text: String, deadline: Deadline = .after(.seconds(60))) throws(IPCError) {
    // Bytes seen as raw bytes, here and below: nothing is reinterpreted.
    try unsafe sendMessage(Array(text.utf8).span.bytes, deadline: deadline)
  }

  /// Receives one message as text.
  borrowing func receiveText(
    _ room: Int = 4096, deadline: Deadline = .after(.seconds(60))
  ) throws(IPCError) -> String {
    var buffer = [UInt8](repeating: 0, count: room)
    var span = buffer.mutableSpan
    var bytes = unsafe span.mutableBytes
    let count = try receiveMessage(into: &bytes, deadline: deadline)
    return String(decoding: buffer.prefix(count), as: UTF8.self)
  }
}

extension UnixDatagram {
  /// Sends text as one message.
  borrowing func sendText(
    _ text: String, to address: UnixAddress, deadline: Deadline = .after(.seconds(60))
  ) throws(IPCError) {
    try unsafe send(Array(text.utf8).span.bytes, to: address, deadline: deadline)
  }

  /// Receives one message as text, and what is known of it.
  borrowing func receiveText(
    _ room: Int = 4096, deadline: Deadline = .after(.seconds(60))
  ) throws(IPCError) -> (text: String, message: Message) {
    var buffer = [UInt8](repeating: 0, count: room)
    var span = buffer.mutableSpan
    var bytes = unsafe span.mutableBytes
    let message = try receive(into: &bytes, deadline: deadline)
    return (String(decoding: buffer.prefix(message.count), as: UTF8.self), message)
  }
}

/// Sends a message with `count` copies of the standard input to the connected peer, as SCM_RIGHTS.
func sendDescriptors(_ count: Int, over socket: borrowing FileDescriptor) throws {
  // A cmsghdr and its numbers: the length, SOL_SOCKET, SCM_RIGHTS.
  let length = 16 + 4 * count
  var control = [UInt64](repeating: 0, count: (length + 7) / 8)
  control[0] = UInt64(length)
  control[1] = 1 << 32 | 1
  var text = Array("message".utf8)
  // Each pointer is valid while sendmsg reads it.
  let sent = unsafe control.withUnsafeMutableBytes { control in
    unsafe text.withUnsafeMutableBytes { text in
      var content = unsafe iovec(iov_base: text.baseAddress, iov_len: text.count)
      return unsafe withUnsafeMutablePointer(to: &content) { content in
        var message = unsafe msghdr()
        unsafe message.msg_iov = content
        unsafe message.msg_iovlen = 1
        unsafe message.msg_control = control.baseAddress
        unsafe message.msg_controllen = control.count
        return unsafe socket.withUnsafeNumber { unsafe sendmsg($0, &message, 0) }
      }
    }
  }
  guard sent == 7 else { throw SystemError(errno: errno, operation: "sendmsg") }
}
