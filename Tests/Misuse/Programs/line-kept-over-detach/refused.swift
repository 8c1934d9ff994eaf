// A line is looked at after its reader gave up the descriptor: the reader's buffer would be freed by then.
import IPCKit

func count(_ descriptor: consuming FileDescriptor) throws -> Int {
  var reader = BufferedReader(descriptor)
  let line = try reader.nextLine()  // expect: overlapping accesses to 'reader'
  let detached = reader.detach()  // expect-note: conflicting access is here
  try detached.descriptor.close()
  return line?.byteCount ?? 0
}
