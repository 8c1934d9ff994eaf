// The reader hands the descriptor back, and then it is ours to close.
import IPCKit

func firstLine(_ descriptor: consuming FileDescriptor) throws -> String? {
  var reader = BufferedReader(descriptor)
  let line = try reader.nextLine(as: String.self)
  let detached = reader.detach()
  try detached.descriptor.close()
  return line
}
