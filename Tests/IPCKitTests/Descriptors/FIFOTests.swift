// FIFOs: made exactly as asked, opened when somebody is there and not before, and never mistaken.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct FIFOTests {
  fileprivate static let soon = Duration.seconds(60)

  @Test(arguments: [0o000, 0o027, 0o777] as [mode_t], [0o600, 0o622] as [UInt32])
  func modeIsExactUnderAnyUmask(mask: mode_t, asked: UInt32) async {
    await #expect(processExitsWith: .success) { [mask = mask as mode_t, asked = asked as UInt32] in
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        umask(mask)
        try quiet.expectNothingLeftOpen { try FIFO.make(at: directory("f"), mode: asked) }
        quiet.expect(mode(of: directory("f")), is: S_IFIFO | asked)
        let ended = systemFailure { try FIFO.make(at: directory("f")) }
        quiet.expect(ended, is: SystemError(errno: EEXIST, operation: "mkfifo", object: directory("f")))
      }
    }
  }

  @Test func bothEndsWaitForEachOther() throws {
    for readerFirst in [true, false] {
      let directory = try TemporaryDirectory()
      let path = directory("f")
      try FIFO.make(at: path)
      let writing = RunningThread {
        if readerFirst { usleep(30_000) }
        let fifo = try FIFO.openForWriting(path, deadline: .after(Self.soon))
        try fifo.writeAll("hello\n", deadline: .after(Self.soon))
      }
      if !readerFirst { usleep(30_000) }
      let fifo = try FIFO.openForReading(path, deadline: .after(Self.soon))
      #expect(try fifo.isCloseOnExec && fifo.isNonBlocking)
      var reader = BufferedReader(fifo)
      #expect(try reader.nextLine(as: String.self, deadline: .never) == "hello")
      #expect(try reader.nextLine(as: String.self, deadline: .never) == nil)
      try writing.join()
    }
  }

  @Test func silentWriterIsEnough() throws {
    let directory = try TemporaryDirectory()
    let path = directory("f")
    try FIFO.make(at: path)
    let writing = RunningThread {
      let fifo = try FIFO.openForWriting(path, deadline: .after(Self.soon))
      #expect(try fifo.isCloseOnExec && fifo.isNonBlocking)
      return fifo.release()
    }
    let reading = try FIFO.openForReading(path, deadline: .after(Self.soon))
    let ended = systemFailure { _ = try readOnce(reading, 1) }
    #expect(ended?.errno == EAGAIN)
    // Given up there, for this.
    _ = unsafe FileDescriptor(owning: try writing.join())
  }

  @Test func whoCameAndWentIsEnough() throws {
    let directory = try TemporaryDirectory()
    let path = directory("f")
    try FIFO.make(at: path)
    let opening = RunningThread { try FIFO.openForReading(path, deadline: .after(Self.soon)).release() }
    try FIFO.openForWriting(path, deadline: .after(Self.soon)).close()
    // Given up there, for this.
    var reader = BufferedReader(unsafe FileDescriptor(owning: try opening.join()))
    #expect(try reader.nextLine(as: String.self, deadline: .after(Self.soon)) == nil)
  }

  @Test func nobodyAtTheOtherEndIsTheDeadline() throws {
    let directory = try TemporaryDirectory()
    let path = directory("f")
    try FIFO.make(at: path)
    let (used, begun) = (threadProcessorTime(), ContinuousClock.now)
    // In this order: of the reading end, a child that another test starts can have a copy for a moment.
    let writing = ipcFailure { _ = try FIFO.openForWriting(path, deadline: .after(.milliseconds(100))) }
    #expect(writing == .deadlineExceeded(operation: "open \(path)"))
    let reading = ipcFailure { _ = try FIFO.openForReading(path, deadline: .after(.milliseconds(100))) }
    #expect(reading == .deadlineExceeded(operation: "open \(path)"))
    #expect(ContinuousClock.now - begun >= .milliseconds(200))
    #expect(threadProcessorTime() - used < 0.05)
  }

  /// What is no FIFO.
  enum Impostor: String, CaseIterable, Codable {
    case missing, file, directory, socket, device, link, emptyPath, pathWithNUL
  }

  @Test(arguments: Impostor.allCases) func whatIsNoFIFOIsRefused(kind: Impostor) async {
    await #expect(processExitsWith: .success) { [kind = kind as Impostor] in
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        let (path, expected) = try FIFOTests.prepare(kind, in: directory.path)
        try quiet.expectNothingLeftOpen {
          quiet.expect(
            systemFailure { _ = try FIFO.openForReading(path, deadline: .after(FIFOTests.soon)) }?.errno, is: expected)
          quiet.expect(
            systemFailure { _ = try FIFO.openForWriting(path, deadline: .after(FIFOTests.soon)) }?.errno, is: expected)
        }
      }
    }
  }

  fileprivate static func prepare(_ kind: Impostor, in directory: String) throws -> (String, Int32) {
    let path = directory + "/f"
    switch kind {
    case .missing: return (path, ENOENT)
    case .emptyPath: return ("", ENOENT)
    case .pathWithNUL: return (path + "\0", EINVAL)
    case .device: return ("/dev/null", EINVAL)
    case .file: try writeFile(path, "precious")
    case .directory: try makeDirectory(path)
    case .socket: _ = try boundSocket(path).release()
    case .link:
      try makeFIFO(path + "o")
      try makeLink(at: path, to: "fo")
      return (path, ELOOP)
    }
    return (path, EINVAL)
  }

  @Test func openingLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        let path = directory("f")
        try FIFO.make(at: path)
        try quiet.expectNothingLeftOpen {
          let reading = ipcFailure { _ = try FIFO.openForReading(path, deadline: .after(.milliseconds(20))) }
          quiet.expect(reading == .deadlineExceeded(operation: "open \(path)"))
          let writing = ipcFailure { _ = try FIFO.openForWriting(path, deadline: .after(.milliseconds(20))) }
          quiet.expect(writing == .deadlineExceeded(operation: "open \(path)"))
        }
        let both = try openFile(path, O_RDWR)
        // The file, and its reading end; then the two ends of the pipe that looks for writers.
        try quiet.expectNothingLeftOpen(needing: 3) { _ = try FIFO.openForReading(path) }
        try quiet.expectNothingLeftOpen(needing: 2) { _ = try FIFO.openForWriting(path) }
        _ = both
      }
    }
  }
}
