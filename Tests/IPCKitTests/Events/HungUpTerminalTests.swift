// The master of a terminal that nobody has open any more: ready for ever, though it is full. Whoever writes there hears of
// it, and whoever only waits gives way to others and keeps his deadline.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct HungUpTerminalTests {
  private static let soon = Duration.seconds(60)

  /// More than there is room for, in lines: of a line without an end a terminal throws the rest away.
  private static let much = [UInt8](repeating: 10, count: 1 << 20)

  /// One that was open once.
  private static func master() throws -> FileDescriptor {
    let master = try openFile("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK)
    // The number is used within the closure alone. TIOCSPTLCK and TIOCGPTN, which Swift does not see.
    let index = unsafe master.withUnsafeNumber { number in
      var (unlocked, index) = (Int32(0), UInt32(0))
      _ = unsafe ioctl(number, 0x4004_5431, &unlocked)
      _ = unsafe ioctl(number, 0x8004_5430, &index)
      return index
    }
    _ = try openFile("/dev/pts/\(index)", O_RDWR | O_NOCTTY)
    return master
  }

  @Test(arguments: [Deadline.never, .after(soon)]) func writingEnds(deadline: Deadline) throws {
    let master = try Self.master()
    let error = systemFailure { try master.writeAll(Self.much, deadline: deadline) }
    #expect(error == SystemError(errno: EIO, operation: "write"))
  }

  @Test func writingOnALoopEnds() async throws {
    try await withLoop { loop in
      let source = try EventSource(try Self.master(), on: loop)
      // Bytes seen as raw bytes, here and below: nothing is reinterpreted.
      let error = await systemFailure { try unsafe await source.write(Self.much.span.bytes) }
      #expect(error == SystemError(errno: EIO, operation: "write"))
    }
  }

  @Test func whoWaitsAgainAndAgainGivesWayAndKeepsHisDeadline() async throws {
    try await withLoop { loop in
      let other = Task(executorPreference: loop) { await loop.sleep(until: .after(.milliseconds(1))) }
      let source = try EventSource(try Self.master(), on: loop)
      // Until there is no room.
      _ = await systemFailure { try unsafe await source.write(Self.much.span.bytes) }
      // While the kernel passes on what was written, it tells of room each time. Then waits shorter than a pause are in vain.
      var waitsInVain = 0
      while waitsInVain < 10 {
        do throws(IPCError) {
          try await source.writable(deadline: .after(.milliseconds(5)))
          waitsInVain = 0
        } catch {
          waitsInVain += 1
        }
      }
      let deadline = Deadline.after(.milliseconds(300))
      var turns = 0
      do throws(IPCError) {
        while true {
          try await source.writable(deadline: deadline)
          turns += 1
        }
      } catch {
        #expect(error == .deadlineExceeded(operation: "write"))
      }
      // After a pause each.
      #expect(turns < 40)
      await other.value
    }
  }
}
