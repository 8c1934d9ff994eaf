// A function closes what it was only lent: its caller would go on with a number that is free, or somebody else's.
import IPCKit

func greet(_ descriptor: borrowing FileDescriptor) throws {  // expect: 'descriptor' is borrowed and cannot be consumed
  try descriptor.writeAll("hello\n")
  try descriptor.close()  // expect-note: consumed here
}
