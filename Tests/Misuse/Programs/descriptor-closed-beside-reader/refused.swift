// A descriptor is closed after a reader took it over: the reader would read from, and close, somebody else's file.
import IPCKit

func firstLine(_ descriptor: consuming FileDescriptor) throws -> String? {  // expect: 'descriptor' consumed more than
  var reader = BufferedReader(descriptor)  // expect-note: consumed here
  let line = try reader.nextLine(as: String.self)
  try descriptor.close()  // expect-note: consumed again here
  return line
}
