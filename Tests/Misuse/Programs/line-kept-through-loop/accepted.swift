// What is kept from one turn to the next is a copy.
import IPCKit

func longest(_ reader: inout BufferedReader) throws -> Int {
  var longest: [UInt8] = []
  while let line = try reader.nextLine(as: [UInt8].self) {
    if line.count > longest.count { longest = line }
  }
  return longest.count
}
