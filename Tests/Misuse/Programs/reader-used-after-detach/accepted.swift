// Reading comes first.
import IPCKit

func secondLine(_ reader: consuming BufferedReader) throws -> String? {
  let line = try reader.nextLine(as: String.self)
  let detached = reader.detach()
  try detached.descriptor.close()
  return line
}
