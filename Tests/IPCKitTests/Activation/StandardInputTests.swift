// A connection as standard input and output, as inetd hands it over, taken in a forked child that has it there.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct StandardInputTests {
  /// Which of a child's streams are the connection.
  @Test(arguments: [[0, 1], [0], [0, 1, 2]] as [[Int32]]) func connectionIsTakenAndItsStreamsLeadNowhere(
    streams: [Int32]
  ) async {
    await #expect(processExitsWith: .success) { [streams = streams as [Int32]] in
      let pair = try socketPair()
      let told = try toldByForkedChild { report in
        // The report is out of the way of the numbers that are counted.
        let report = dup2(report, 200)
        let errors = unsafe open("/dev/zero", O_RDWR)
        for number: Int32 in 0...2 { dup2(errors, number) }
        for stream in streams { unsafe _ = pair.left.withUnsafeNumber { dup2($0, stream) } }
        for number in 3..<200 { close(Int32(number)) }
        return (report, try takenFromStandardInput())
      }
      let lines = told.split(separator: "\n").map(String.init)
      let ends = (0...2).map { streams.contains($0) ? "/dev/null" : "/dev/zero" }
      #expect(lines == ["4 \(FD_CLOEXEC) \(O_NONBLOCK)", "\(ends)", "true"])
      // The child's copies are closed: what it sent, and then its end.
      try pair.left.close()
      var reader = BufferedReader(pair.right)
      #expect(try reader.nextLine(as: String.self, deadline: .after(.seconds(60))) == "hello")
      #expect(try reader.nextLine(as: String.self, deadline: .after(.seconds(60))) == nil)
    }
  }

  @Test(arguments: ["listener", "unconnected", "file", "closed"]) func whatIsNoConnectionStaysWhereItIs(what: String)
    async
  {
    await #expect(processExitsWith: .success) { [what = what as String] in
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        switch what {
        case "listener": try replaceStandardInput(boundSocket(directory("s"), backlog: 5))
        case "unconnected": try replaceStandardInput(boundSocket(directory("s"), SOCK_DGRAM))
        case "file": try replaceStandardInput(openFile("/dev/zero", O_RDONLY))
        default: close(0)
        }
        let before = linkTarget("/proc/self/fd/0")
        let isNone = try SocketActivation.takeStandardInput() == nil
        quiet.expect(isNone)
        quiet.expect(linkTarget("/proc/self/fd/0"), is: before)
      }
    }
  }

  @Test func withoutRoomNothingIsChanged() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let pair = try socketPair()
        unsafe _ = pair.left.withUnsafeNumber { dup2($0, 0) }
        let before = linkTarget("/proc/self/fd/0")
        // The null device and the connection under its new number; the third would be taken in vain.
        for room in 0...1 {
          let limit = try DescriptorLimit.current()
          try DescriptorLimit(soft: numbers(leavingRoomFor: room), hard: limit.hard).apply()
          let errno = systemFailure { _ = try SocketActivation.takeStandardInput() }?.errno
          try limit.apply()
          quiet.expect(errno, is: EMFILE)
          quiet.expect(linkTarget("/proc/self/fd/0"), is: before)
        }
        try quiet.expectNothingLeftOpen {
          // Its own end, which counts, is closed again.
          guard try SocketActivation.takeStandardInput() != nil else { return quiet.expect(false, "not taken") }
          unsafe _ = pair.left.withUnsafeNumber { dup2($0, 0) }
        }
      }
    }
  }
}

/// Takes the connection and answers on it: its number and flags, where the streams lead, and whether a second look
/// finds nothing.
private func takenFromStandardInput() throws -> String {
  guard let connection = try SocketActivation.takeStandardInput() else { return "none" }
  // The number is used while its owner is borrowed.
  let flags = unsafe connection.withUnsafeNumber { number in
    "\(number) \(fcntl(number, F_GETFD) & FD_CLOEXEC) \(fcntl(number, F_GETFL) & O_NONBLOCK)"
  }
  // What is printed goes nowhere; the bytes are valid for the length of the call.
  unsafe _ = write(1, "printed\n", 8)
  try connection.writeAll("hello\n")
  try connection.close()
  let ends = (0...2).map { linkTarget("/proc/self/fd/\($0)") ?? "closed" }
  let isNone = try SocketActivation.takeStandardInput() == nil
  return "\(flags)\n\(ends)\n\(isNone)"
}

/// Makes a descriptor the standard input.
private func replaceStandardInput(_ descriptor: consuming FileDescriptor) throws {
  unsafe _ = descriptor.withUnsafeNumber { dup2($0, 0) }
}
