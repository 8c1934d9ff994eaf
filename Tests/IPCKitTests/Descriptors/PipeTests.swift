// Both ends of a pipe, and what is left when there is room for one of them or none.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct PipeTests {
  @Test func bothEndsAreCloseOnExecAndBlocking() throws {
    let pipe = try Pipe()
    #expect(try pipe.reading.isCloseOnExec)
    #expect(try pipe.writing.isCloseOnExec)
    #expect(try !pipe.reading.isNonBlocking)
    #expect(try !pipe.writing.isNonBlocking)
  }

  @Test func nonBlockingOnRequest() throws {
    let pipe = try Pipe(nonBlocking: true)
    #expect(try pipe.reading.isNonBlocking)
    #expect(try pipe.writing.isNonBlocking)
  }

  @Test func bothEndsGoToOwnersOfTheirOwn() throws {
    let pipe = try Pipe()
    let writing = pipe.writing
    var reader = BufferedReader(pipe.reading)
    try writing.writeAll("x\n")
    #expect(try reader.nextLine(as: String.self) == "x")
    try writing.close()
    #expect(try reader.nextLine(as: String.self, deadline: .after(.seconds(60))) == nil)
  }

  @Test func takingOneEndClosesTheOther() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        try quiet.expectNothingLeftOpen {
          let before = openDescriptors().count
          let reading = try Pipe().intoReading()
          quiet.expect(openDescriptors().count == before + 1)
          var reader = BufferedReader(reading)
          quiet.expect(try reader.nextLine(as: String.self, deadline: .after(.seconds(60))) == nil)
        }
        try quiet.expectNothingLeftOpen {
          let ended = systemFailure { try Pipe().intoWriting().writeAll("x") }
          quiet.expect(ended?.errno == EPIPE)
        }
      }
    }
  }

  @Test func withoutRoomLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        punchHoles()
        try quiet.expectNothingLeftOpen(needing: 2) { _ = try Pipe() }
      }
    }
  }
}
