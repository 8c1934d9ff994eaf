// A list that is lent stays, and can be passed after it.
import IPCKit

func greet(
  _ socket: borrowing FileDescriptor,
  _ logs: consuming DescriptorList
) throws {
  let bytes: [UInt8] = [1]
  try unsafe socket.send(bytes.span.bytes, lending: logs)
  try unsafe socket.send(bytes.span.bytes, passing: logs)
}
