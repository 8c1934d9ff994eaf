// It is taken out of the object, which then holds none.
import IPCKit

final class Log {
  var descriptor: FileDescriptor?
  init(_ descriptor: consuming FileDescriptor) { self.descriptor = consume descriptor }
}

func finish(_ log: Log) throws {
  try log.descriptor.take()?.close()
}
