// A descriptor that an object holds is closed through it: the object, shared by many, would close it again at its end.
import IPCKit

final class Log {
  let descriptor: FileDescriptor
  init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
}

func finish(_ log: Log) throws {
  try log.descriptor.close()  // expect: cannot consume noncopyable stored property 'log.descriptor' of a class
}
