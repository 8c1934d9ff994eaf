// The trait of the installed testing library, in a package that knows the library by pkg-config alone.

import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct LeakFreeTests {
  @Test func bothEndsAreClosed() throws {
    let pipe = try Pipe()
    try pipe.writing.writeAll("through\n")
    var reader = BufferedReader(pipe.reading)
    #expect(try reader.nextLine(as: String.self) == "through")
  }
}
