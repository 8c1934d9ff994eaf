// A list is used after it was passed to the peer: its descriptors are closed by then.
import IPCKit

func greet(
  _ socket: borrowing FileDescriptor,
  _ logs: consuming DescriptorList  // expect: 'logs' used after consume
) throws {
  let bytes: [UInt8] = [1]
  try unsafe socket.send(bytes.span.bytes, passing: logs)  // expect-note: consumed here
  try unsafe socket.send(bytes.span.bytes, lending: logs)  // expect-note: used here
}
