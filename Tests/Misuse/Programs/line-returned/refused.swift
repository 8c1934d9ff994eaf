// A line is returned from the function that owns its reader: the caller would get a view of freed memory.
import IPCKit

func firstLine(_ descriptor: consuming FileDescriptor) throws -> RawSpan? {  // expect: a function cannot return a
  var reader = BufferedReader(descriptor)
  return try reader.nextLine()
}
