// The copy outlives the reader.
import IPCKit

func count(_ descriptor: consuming FileDescriptor) throws -> Int {
  var reader = BufferedReader(descriptor)
  let line = try reader.nextLine(as: [UInt8].self)
  try reader.detach().descriptor.close()
  return line?.count ?? 0
}
