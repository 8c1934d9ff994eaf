// A descriptor is closed on one of two paths and used after both: the early close would be forgotten when it matters.
import IPCKit

func greet(_ descriptor: consuming FileDescriptor, quietly: Bool) throws {  // expect: 'descriptor' used after consume
  if quietly { try descriptor.close() }  // expect-note: consumed here
  try descriptor.writeAll("hello\n")  // expect-note: used here
}
