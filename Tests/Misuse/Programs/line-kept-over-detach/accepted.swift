// The copy outlives the reader.
import IPCKit

func count(_ descriptor: consuming FileDescriptor) throws -> Int {
  var reader = BufferedReader(descriptor)
  let line = try reader.nextLine(as: [UInt8].self)
  let detached = reader.detach()
  try detached.descriptor.close()
  return line?.count ?? 0
}
