// What is much, long, rare, or just not there: a census has all of it, or says that it has not.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct CensusLimitTests {
  @Test func manyAreAllCountedAndWhatIsLongIsReadWhole() throws {
    let held = try heldByPython(
      """
      import resource, select
      resource.setrlimit(resource.RLIMIT_NOFILE, (2000,) + resource.getrlimit(resource.RLIMIT_NOFILE)[1:])
      e = select.epoll()
      told = [os.eventfd(0) for _ in range(700)]
      for number in told: e.register(number, select.EPOLLIN)
      told += [e.fileno()]
      """)
    #expect(held.prefix(700).allSatisfy { $0.kind == .eventfd(count: 0) })
    guard case .epoll(let targets) = held.last?.kind else {
      Issue.record("\(held.last.map { "\($0)" } ?? "nothing")")
      return
    }
    #expect(Set(targets.map(\.number)) == Set(held.prefix(700).map(\.number)))
  }

  @Test func nothingIsMissedWhereNothingHappens() throws {
    try whilePythonHolds("told = [os.pipe()[0] for _ in range(50)]") { processID, numbers in
      let census = try DescriptorCensus(processID: processID)
      #expect(census.missed == 0 && numbers.allSatisfy { census[$0] != nil })
    }
  }

  @Test func withoutDescriptorsOfItsOwnThereIsNoCensus() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        // With fewer it must fail, and not find less than there is.
        try quiet.expectNothingLeftOpen(needing: 3) { _ = try DescriptorCensus() }
      }
    }
  }

  @Test func withoutADescriptorToLookWithNobodyIsSurelyGone() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let pipe = try Pipe()
        try pipe.writing.close()
        var census = try DescriptorCensus()
        let before = try DescriptorLimit.current()
        let limited = DescriptorLimit(soft: 3, hard: before.hard)
        try limited.apply()
        census.findOtherEnds()
        try before.apply()
        quiet.expect((census.processesOutOfSight ?? 0) > 0)
        let end = census.descriptors.first { $0.kind == .pipe && $0.access == .reading && $0.number > 2 }?.otherEnd
        quiet.expect(end, is: .outOfSight)
        try pipe.reading.close()
      }
    }
  }

  @Test func aPathThatIsTooLongToTellIsADescriptorAllTheSame() throws {
    let held = try heldByPython(
      """
      import tempfile
      with tempfile.TemporaryDirectory() as top:
        os.chdir(top)
        for _ in range(20):
          os.mkdir("x" * 250)
          os.chdir("x" * 250)
        told = [os.open("file", os.O_CREAT | os.O_RDWR)]
        os.write(told[0], b"hello")
        os.chdir("/")
      """)
    #expect(held.first?.kind == .deletedFile && held.first?.size == 5)
  }

  @Test func aProcessWhoseFirstThreadHasEndedIsStillThere() throws {
    let held = try heldByPython(
      """
      import ctypes, threading
      told = [os.memfd_create("kept")]
      def rest():
        while open("/proc/self/stat").read().split(")")[1].split()[0] != "Z": pass
        s.sendall((' '.join(map(str, [os.getpid(), *told])) + '\\n').encode())
        s.recv(1)
        os._exit(0)
      threading.Thread(target=rest).start()
      ctypes.CDLL(None).pthread_exit(None)
      """)
    #expect(held.map(\.kind) == [.memfd(name: "kept")])
  }

  @Test func aProcessThatIsReapedIsTheSamePidfd() throws {
    let pair = try SocketPair()
    let program = [
      "p = os.fork() or os._exit(0)", "f = os.pidfd_open(p)", "s.sendall(b'%d\\n' % os.getpid())", "s.recv(1)",
      "os.waitpid(p, 0)", "s.sendall(b'x\\n')", "s.recv(1)",
    ]
    let python = try PythonProcess(program.joined(separator: "\n"), on: pair.right)
    let left = pair.left
    let writing = try left.duplicate()
    try pair.right.close()
    var reader = BufferedReader(left)
    defer { _ = python.wait() }
    let line = try reader.nextLine(as: String.self, deadline: .after(.seconds(60)))
    let processID = try #require(line.flatMap { Int32($0) })
    let before = try DescriptorCensus(processID: processID)
    try writing.writeAll("x")
    _ = try reader.nextLine(as: String.self, deadline: .after(.seconds(60)))
    let after = try DescriptorCensus(processID: processID)
    #expect(after.descriptors.contains { $0.kind == .pidfd(processID: nil) })
    #expect(after.changes(since: before).isEmpty)
    try writing.writeAll("x")
  }
}
