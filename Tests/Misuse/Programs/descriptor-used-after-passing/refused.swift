// A descriptor is used after it was passed to the peer: this process's copy is closed by then.
import IPCKit

func greet(
  _ socket: borrowing FileDescriptor,
  _ log: consuming FileDescriptor  // expect: 'log' used after consume
) throws {
  let bytes: [UInt8] = [1]
  try unsafe socket.send(bytes.span.bytes, passing: log)  // expect-note: consumed here
  try log.writeAll("passed\n")  // expect-note: used here
}
