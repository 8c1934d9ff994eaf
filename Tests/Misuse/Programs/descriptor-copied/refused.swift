// A descriptor is copied: two owners would each close the number, the second one when it is another file's already.
import IPCKit

func write(to descriptor: borrowing FileDescriptor) throws {
  let second = copy descriptor  // expect: 'copy' cannot be applied to noncopyable types
  try second.writeAll("hello\n")
}
