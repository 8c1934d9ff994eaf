// What is to be used further is lent: the peer gets a copy.
import IPCKit

func greet(
  _ socket: borrowing FileDescriptor,
  _ log: consuming FileDescriptor
) throws {
  let bytes: [UInt8] = [1]
  try unsafe socket.send(bytes.span.bytes, lending: log)
  try log.writeAll("lent\n")
}
