// The path that closes returns.
import IPCKit

func greet(_ descriptor: consuming FileDescriptor, quietly: Bool) throws {
  if quietly { return try descriptor.close() }
  try descriptor.writeAll("hello\n")
}
