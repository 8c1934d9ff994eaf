// The promise of the one owner: closed exactly once, by whatever way it ends. Descriptor numbers belong to the whole
// process and tests run side by side, so whatever looks at a number runs in a quiet process of its own.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct FileDescriptorTests {
  @Test func endOfScopeCloses() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        try quiet.expectNothingLeftOpen {
          let lowest = lowestFreeDescriptor()
          let descriptor = try openFile("/dev/null", O_RDWR)
          quiet.expect(openDescriptors()[lowest] == "/dev/null")
          _ = descriptor
        }
      }
    }
  }

  @Test func throwingPastItCloses() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        try quiet.expectNothingLeftOpen {
          let ended = ipcFailure {
            let descriptor = try openFile("/dev/null", O_RDWR)
            _ = try descriptor.isSocket
            throw IPCError.endOfFile
          }
          quiet.expect(ended == .endOfFile)
        }
      }
    }
  }

  @Test func closeClosesOnceAndNotAgainAtTheEnd() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let lowest = lowestFreeDescriptor()
        func closeAndReuse(_ descriptor: consuming FileDescriptor) throws {
          try descriptor.close()
          quiet.expect(openDescriptors()[lowest] == nil)
          // The number is another file's now; a second close would hit this one.
          quiet.expect(dup(0) == lowest)
        }
        try closeAndReuse(try openFile("/dev/null", O_RDWR))
        quiet.expect(openDescriptors()[lowest] != nil)
      }
    }
  }

  @Test func releasedIsNotClosed() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        func release() throws -> Int32 { try openFile("/dev/null", O_RDWR).release() }
        let number = try release()
        quiet.expect(openDescriptors()[number] == "/dev/null")
        quiet.expect(close(number) == 0)
      }
    }
  }

  @Test func adoptedIsClosed() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        try quiet.expectNothingLeftOpen {
          // dup just handed the number out.
          _ = unsafe FileDescriptor(owning: dup(0))
        }
      }
    }
  }

  @Test func negativeNumberTraps() async {
    await #expect(processExitsWith: .failure) {
      // It never comes to own anything.
      _ = unsafe FileDescriptor(owning: -1)
    }
  }

  #if DEBUG
    @Test func closedBehindItsOwnersBackTrapsAtTheEnd() async throws {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let descriptor = try openFile("/dev/null", O_RDWR)
        // The foul play itself.
        unsafe descriptor.withUnsafeNumber { _ = close($0) }
      }
      let said = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
      #expect(said.contains("was closed behind its owner's back"))
    }

    @Test func closedBehindItsOwnersBackTrapsAtClose() async throws {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let descriptor = try openFile("/dev/null", O_RDWR)
        // The foul play itself.
        unsafe descriptor.withUnsafeNumber { _ = close($0) }
        try descriptor.close()
      }
      let said = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
      #expect(said.contains("was closed behind its owner's back"))
    }
  #else
    @Test func closedBehindItsOwnersBackIsReportedByClose() async {
      await #expect(processExitsWith: .success) {
        let ended = systemFailure {
          let descriptor = try openFile("/dev/null", O_RDWR)
          // The foul play itself.
          unsafe descriptor.withUnsafeNumber { _ = close($0) }
          try descriptor.close()
        }
        #expect(ended?.errno == EBADF)
        #expect(ended?.operation == "close")
      }
    }
  #endif

  @Test func duplicateIsTheSameFileAndCloseOnExec() throws {
    let pipe = try Pipe()
    let copy = try pipe.writing.duplicate()
    #expect(try copy.isCloseOnExec)
    #expect(target(of: copy) == target(of: pipe.writing))
    try copy.writeAll("x\n")
    var reader = BufferedReader(pipe.intoReading())
    #expect(try reader.nextLine(as: String.self) == "x")
    // The pipe's own end went with it, the copy keeps it open.
    #expect(ipcFailure { _ = try reader.nextLine(deadline: .after(.zero)) } == .deadlineExceeded(operation: "read"))
    try copy.close()
    #expect(try reader.nextLine(as: String.self) == nil)
  }

  @Test func duplicateWithoutRoomLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let descriptor = try openFile("/dev/null", O_RDWR)
        try quiet.expectNothingLeftOpen(needing: 1) { _ = try descriptor.duplicate() }
      }
    }
  }

  @Test func flagsAreSetAndCleared() throws {
    let pipe = try Pipe()
    #expect(try !pipe.reading.isNonBlocking)
    try pipe.reading.setNonBlocking(true)
    #expect(try pipe.reading.isNonBlocking)
    try pipe.reading.setNonBlocking(false)
    #expect(try !pipe.reading.isNonBlocking)
    try pipe.reading.setCloseOnExec(false)
    #expect(try !pipe.reading.isCloseOnExec)
    try pipe.reading.setCloseOnExec(true)
    #expect(try pipe.reading.isCloseOnExec)
  }

  @Test func socketsAreToldFromPipes() throws {
    let pipe = try Pipe()
    let pair = try socketPair()
    #expect(try !pipe.reading.isSocket)
    #expect(try pair.left.isSocket)
  }
}
