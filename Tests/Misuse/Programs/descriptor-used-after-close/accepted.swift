// Closing is the last thing that is done with it.
import IPCKit

func greet(_ descriptor: consuming FileDescriptor) throws {
  try descriptor.writeAll("hello\n")
  try descriptor.close()
}
