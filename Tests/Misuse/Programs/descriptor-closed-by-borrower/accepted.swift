// Who closes says so in its signature, and its caller has to hand the descriptor over.
import IPCKit

func greet(_ descriptor: consuming FileDescriptor) throws {
  try descriptor.writeAll("hello\n")
  try descriptor.close()
}
