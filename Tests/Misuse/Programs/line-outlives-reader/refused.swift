// A line is looked at after its reader's end: the buffer that it looks into would be freed by then.
import IPCKit

func count(_ descriptor: consuming FileDescriptor) throws -> Int {
  let line: RawSpan?  // expect: lifetime-dependent variable 'line' escapes its scope
  do {
    var reader = BufferedReader(descriptor)
    line = try reader.nextLine()  // expect-note: it depends on this scoped access to variable 'reader'
  }
  return line?.byteCount ?? 0  // expect-note: this use of the lifetime-dependent value is out of scope
}
