// The census against descriptors whose kind is known, of this process and of another.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct DescriptorCensusTests {
  @Test func kindsAreCountedAndTheReadingItselfIsNot() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let before = try DescriptorCensus()
        quiet.expect(try DescriptorCensus().changes(since: before).isEmpty, is: true)
        quiet.expect(before.targets, is: openDescriptors())
        let pipe = try Pipe()
        let pair = try socketPair()
        let loop = try EventLoop()
        let file = try openFile("/proc/self/status", O_RDONLY)
        let null = try openFile("/dev/null", O_RDONLY)
        let terminal = try openFile("/dev/ptmx", O_RDWR | O_NOCTTY)
        let now = try DescriptorCensus()
        let expected = [
          "pipe": 2, "unix stream socket": 2, "epoll": 1, "eventfd": 1, "file": 1, "device": 1, "terminal master": 1,
        ]
        for (kind, count) in expected {
          quiet.expect((now.kinds[kind] ?? 0) - (before.kinds[kind] ?? 0), is: count, kind)
        }
        quiet.expect(now.count, is: before.count + 9)
        withExtendedLifetime(loop) {}
        try closeAll(pipe.reading, pair.left, file, null, terminal)
      }
    }
  }

  @Test func anotherProcessIsCountedToo() throws {
    let pipe = try Pipe()
    let command = Command(arguments: ["sh", "-c", "echo ready; kill -STOP $$"], environment: .inherited)
    let process = try DetachedProcess(command, output: pipe.writing, deadline: .after(.seconds(60)))
    // While a program begins, its loader has a library open; this one has begun when it says so.
    var output = BufferedReader(try pipe.reading.duplicate())
    #expect(try output.nextLine(as: String.self, deadline: .after(.seconds(60))) == "ready")
    let census = try DescriptorCensus(processID: process.processID)
    #expect(census.targets.keys.sorted() == [0, 1, 2])
    kill(process.processID, SIGKILL)
    _ = try process.exit(deadline: .after(.seconds(60)))
    let ended = systemFailure { _ = try DescriptorCensus(processID: process.processID) }
    #expect(ended?.errno == ENOENT)
  }
}

private func closeAll(
  _ a: consuming FileDescriptor, _ b: consuming FileDescriptor, _ c: consuming FileDescriptor,
  _ d: consuming FileDescriptor, _ e: consuming FileDescriptor
) throws {
  try a.close()
  try b.close()
  try c.close()
  try d.close()
  try e.close()
}
