// A line is kept while the next one is read: the buffer that it looks into would hold other bytes by then, or be freed.
import IPCKit

func countTwo(_ descriptor: consuming FileDescriptor) throws -> Int {
  var reader = BufferedReader(descriptor)
  let first = try reader.nextLine()  // expect: overlapping accesses to 'reader'
  let second = try reader.nextLine()  // expect-note: conflicting access is here
  return (first?.byteCount ?? 0) + (second?.byteCount ?? 0)
}
