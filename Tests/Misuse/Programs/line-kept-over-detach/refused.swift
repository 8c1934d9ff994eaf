// A line is looked at after its reader gave up the descriptor: the reader's buffer would be freed by then.
import IPCKit

func count(_ descriptor: consuming FileDescriptor) throws -> Int {
  var reader = BufferedReader(descriptor)
  let line = try reader.nextLine()  // expect: overlapping accesses to 'reader'
  try reader.detach().descriptor.close()  // expect-note: conflicting access is here
  return line?.byteCount ?? 0
}
