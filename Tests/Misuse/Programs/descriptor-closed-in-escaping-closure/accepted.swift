// The closure is lent the descriptor; it is closed where the closure itself ends.
import IPCKit

func greeter(_ descriptor: consuming FileDescriptor) -> () throws -> Void {
  return { try descriptor.writeAll("hello\n") }
}
