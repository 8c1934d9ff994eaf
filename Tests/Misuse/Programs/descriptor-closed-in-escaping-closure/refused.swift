// A descriptor is closed in a closure that may run any number of times: each run after the first would close twice.
import IPCKit

func closer(_ descriptor: consuming FileDescriptor) -> () throws -> Void {
  return { try descriptor.close() }  // expect: noncopyable 'descriptor' cannot be consumed when captured by an escaping
}
