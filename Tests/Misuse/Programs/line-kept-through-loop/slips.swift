// The longest line is kept while the loop reads on: it then shows the bytes of later lines, or freed memory.
// The compiler compares two reads, and a read with what lives on after its scope, but not a read with itself next time.
import IPCKit

func longest(_ reader: inout BufferedReader) throws -> Int {
  var longest = RawSpan()
  while let line = try reader.nextLine() {
    if line.byteCount > longest.byteCount { longest = line }
  }
  return longest.byteCount
}
