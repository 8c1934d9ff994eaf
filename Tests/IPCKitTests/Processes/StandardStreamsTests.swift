// A process without its standard streams must not hand their numbers to the next socket.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct StandardStreamsTests {
  @Test(arguments: 0..<8) func closedOnesLeadToNullAndOpenOnesAreLeftAlone(closed: Int) async {
    await #expect(processExitsWith: .success) { [closed = closed as Int] in
      try inQuietProcess { quiet in
        let file = try openFile("/proc/self/status", O_RDONLY).release()
        for number in 0...2 as ClosedRange<Int32> { dup2(file, number) }
        for number in 0...2 as ClosedRange<Int32> where closed & 1 << Int(number) != 0 { close(number) }
        try StandardStreams.ensureOpen()
        let open = openDescriptors()
        for number in 0...2 as ClosedRange<Int32> {
          let isNull = open[number] == "/dev/null"
          quiet.expect(isNull, is: closed & 1 << Int(number) != 0, "\(number)")
          quiet.expect(fcntl(number, F_GETFD) & FD_CLOEXEC, is: 0)
        }
      }
    }
  }

  @Test func redirectingReplacesWhatIsThere() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        try quiet.expectNothingLeftOpen { try StandardStreams.redirectToNull(0) }
        let file = try openFile("/proc/self/status", O_RDONLY).release()
        dup2(file, 1)
        try StandardStreams.redirectToNull(1)
        quiet.expect(openDescriptors()[1], is: "/dev/null")
      }
    }
  }

  @Test func otherNumbersTrap() async {
    await #expect(processExitsWith: .failure) { try StandardStreams.redirectToNull(3) }
  }
}
