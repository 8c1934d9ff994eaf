// The caller hears of it.
import IPCKit

func save(_ file: consuming FileDescriptor) throws(SystemError) {
  try file.close()
}
