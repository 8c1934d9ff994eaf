// What is needed of the line leaves the scope, not the line.
import IPCKit

func count(_ descriptor: consuming FileDescriptor) throws -> Int {
  let length: Int?
  do {
    var reader = BufferedReader(descriptor)
    length = try reader.nextLine()?.byteCount
  }
  return length ?? 0
}
