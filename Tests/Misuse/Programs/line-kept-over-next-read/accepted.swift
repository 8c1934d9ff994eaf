// What is needed of the first line is taken before the second is read.
import IPCKit

func countTwo(_ descriptor: consuming FileDescriptor) throws -> Int {
  var reader = BufferedReader(descriptor)
  let first = try reader.nextLine()?.byteCount ?? 0
  let second = try reader.nextLine()?.byteCount ?? 0
  return first + second
}
