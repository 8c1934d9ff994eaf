// A second descriptor for the same file is asked of the kernel, and has a number and an owner of its own.
import IPCKit

func write(to descriptor: borrowing FileDescriptor) throws {
  let second = try descriptor.duplicate()
  try second.writeAll("hello\n")
}
