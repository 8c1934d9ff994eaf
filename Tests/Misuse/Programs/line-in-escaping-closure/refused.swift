// A line is captured by a closure that runs later: the reader and its buffer would be gone by then.
import IPCKit

func counter(_ reader: inout BufferedReader) throws -> () -> Int {
  guard let line = try reader.nextLine() else { return { 0 } }  // expect: lifetime-dependent variable 'line' escapes
  return { line.byteCount }  // expect-note: this use causes the lifetime-dependent value to escape
}
