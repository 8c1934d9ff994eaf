// Each result is used.
import IPCKit

func number(_ descriptor: consuming FileDescriptor) -> CInt {
  descriptor.release()
}

func greet(_ descriptor: borrowing FileDescriptor) throws {
  try descriptor.duplicate().writeAll("hello\n")
}

func unread(_ reader: consuming BufferedReader) -> [UInt8] {
  reader.detach().unread
}

func greetNext(_ listener: borrowing UnixListener) throws {
  try listener.accept().writeAll("hello\n")
}
