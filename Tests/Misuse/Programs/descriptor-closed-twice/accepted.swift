// Closed once.
import IPCKit

func finish(_ descriptor: consuming FileDescriptor) throws {
  try descriptor.close()
}
