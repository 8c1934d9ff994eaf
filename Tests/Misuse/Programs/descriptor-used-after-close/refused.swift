// A descriptor is written to after it was closed: the bytes would go to whatever file got the number since.
import IPCKit

func greet(_ descriptor: consuming FileDescriptor) throws {  // expect: 'descriptor' used after consume
  try descriptor.close()  // expect-note: consumed here
  try descriptor.writeAll("hello\n")  // expect-note: used here
}
