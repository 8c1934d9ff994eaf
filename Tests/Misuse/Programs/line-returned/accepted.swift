// A copy is returned.
import IPCKit

func firstLine(_ descriptor: consuming FileDescriptor) throws -> [UInt8]? {
  var reader = BufferedReader(descriptor)
  return try reader.nextLine(as: [UInt8].self)
}
