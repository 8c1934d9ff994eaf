// Suspects, found in processes that are known to leak, and not found in those that do not.

internal import DescriptorWatch
internal import IPCKitTesting
internal import Testing

@Suite(.leakFree) struct SuspectTests {
  @Test func aPairLeftAtEachStepIsNamedAtTheThirdSample() throws {
    // What wakes a program, and what is left each time that a child is watched.
    let python = try Python("keep += socket.socketpair()", step: "keep += socket.socketpair()")
    let series = try python.series(3)
    let suspect = try #require(series.suspects.first)
    #expect(suspect.rule == .grows)
    #expect(suspect.confidence == .certain)
    let growth = try #require(suspect.growth)
    #expect(growth.group == Group(kind: "unix stream socket", what: "in pairs of this process alone"))
    #expect((growth.from, growth.to, growth.samples) == (2, 6, 3))
    #expect((growth.perSample, growth.perSecond) == (2, 2))
    #expect(suspect.numbers.count == 4)
    let (first, second) = (suspect.numbers[0], suspect.numbers[1])
    #expect(suspect.reason.contains("new: socketpair \(first) ↔ \(second), socketpair"))
    #expect(suspect.reason.contains("+2 a sample, 2 a second"))
    // The pair that was there before is not among them.
    let idle = try #require(series.suspects.first { $0.rule == .pair })
    #expect(Set(idle.numbers).isDisjoint(with: suspect.numbers))
  }

  @Test func aPairThatWakesItsProgramIsPossibleAtMost() throws {
    let python = try Python("keep += socket.socketpair()")
    let suspects = try python.series(5).suspects
    #expect(suspects.map(\.rule) == [.pair])
    #expect(suspects.first?.confidence == .possible)
    #expect(suspects.first?.reason.contains("1 socketpair ") == true)
  }

  @Test func aPairThatAnotherProcessHasTooIsNone() throws {
    let python = try Python(
      """
      keep += socket.socketpair()
      go, wait = os.pipe()
      child = os.fork()
      if child == 0:
        os.close(wait)
        os.read(go, 1)
        os._exit(0)
      os.close(go)
      """)
    let snapshot = try python.snapshot()
    #expect(snapshot.pairs.isEmpty)
    #expect(!Series(snapshot).suspects.contains { $0.rule == .pair })
  }

  @Test func aPairThatIsUsedIsNotIdle() throws {
    let python = try Python("keep += socket.socketpair()", step: "keep[0].send(b'x')")
    #expect(!(try python.series(3).suspects.contains { $0.rule == .pair }))
  }

  @Test func pseudoTerminalsThatAreLeftAreNamed() throws {
    let python = try Python("", step: "keep += os.openpty()")
    let suspects = try python.series(4).suspects
    #expect(suspects.map(\.rule).filter { $0 == .grows } == [.grows])
    #expect(suspects.first?.reason.contains("new: pseudo-terminal ") == true)
  }

  @Test func anEndWithoutAnotherGetsSurer() throws {
    let python = try Python(
      """
      a, b = socket.socketpair()
      keep.append(a)
      b.close()
      r, w = os.pipe()
      os.close(r)
      """)
    var series = Series(try python.snapshot())
    // As long as there are processes that cannot be looked into, nobody can say that a pipe's is gone.
    let kinds = series.last.processesOutOfSight == 0 ? 2 : 1
    let first = series.suspects.filter { $0.rule == .otherEndGone }
    #expect(first.map(\.confidence) == [Confidence](repeating: .possible, count: kinds))
    for second in 1...2 { series.add(try python.snapshot(), at: .seconds(second)) }
    let found = series.suspects.filter { $0.rule == .otherEndGone }
    #expect(found.map(\.confidence) == [Confidence](repeating: .certain, count: kinds))
    #expect(found.contains { $0.reason.contains("1 pipe that nobody reads any more for 3 samples") } == (kinds == 2))
    #expect(found.contains { $0.reason.contains("closed by the peer and still open here") })
  }

  @Test func aConnectionThatThePeerClosedIsToldAsSuch() throws {
    let python = try Python(
      """
      listener = socket.create_server(('127.0.0.1', 0))
      client = socket.create_connection(listener.getsockname())
      server, _ = listener.accept()
      client.close()
      select.select([server], [], [])
      """)
    let found = Series(try python.snapshot()).suspects.first { $0.rule == .otherEndGone }
    #expect(found?.reason.contains("1 tcp socket closed by the peer") == true)
    #expect(found?.numbers.count == 1)
  }

  @Test func aTerminalWithoutAnotherSideAndAProcessThatHasGone() throws {
    let python = try Python(
      """
      master, slave = os.openpty()
      os.close(slave)
      child = os.fork()
      if child == 0: os._exit(0)
      keep.append(os.pidfd_open(child))
      os.waitpid(child, 0)
      """)
    let snapshot = try python.snapshot()
    let reasons = Series(snapshot).suspects.filter { $0.rule == .otherEndGone }.map(\.reason)
    #expect(reasons.contains { $0.hasPrefix("1 pidfd of a process that has gone") })
    // As long as there are processes that cannot be looked into, nobody can say that it is gone.
    let isCertain = snapshot.processesOutOfSight == 0
    #expect(reasons.contains { $0.hasPrefix("1 terminal master with nobody on the other side") } == isCertain)
  }

  @Test func aDeletedFileIsToldWithItsSize() throws {
    let python = try Python(
      """
      file = tempfile.NamedTemporaryFile()
      file.write(bytes(5000))
      file.flush()
      os.unlink(file.name)
      file.delete = False
      """)
    let suspect = try #require(Series(try python.snapshot()).suspects.first { $0.rule == .deletedFile })
    #expect(suspect.reason.contains("1 deleted file kept open, with 4.9 KiB in all"))
    #expect(suspect.confidence == .likely)
  }

  @Test func sizesThatNoFileHasAreNoTrouble() throws {
    let python = try Python(
      """
      for _ in range(2):
        file = tempfile.TemporaryFile()
        try: os.truncate(file.fileno(), 2**63 - 1)
        except OSError: os.truncate(file.fileno(), 2**43)
        keep.append(file)
      """)
    let suspect = Series(try python.snapshot()).suspects.first { $0.rule == .deletedFile }
    #expect(suspect?.reason.contains("2 deleted files kept open, with ") == true)
  }

  @Test func oneFileUnderTenNumbersIsToldAndNothingUnderTenIsNot() throws {
    let python = try Python(
      """
      keep += [os.open('/etc/passwd', os.O_RDONLY) for _ in range(10)]
      keep += [os.open('/dev/null', os.O_RDONLY) for _ in range(10)]
      keep += [os.open('/etc/group', os.O_RDONLY) for _ in range(7)]
      """)
    let found = Series(try python.snapshot()).suspects.filter { $0.rule == .manyOfOneFile }
    #expect(found.count == 1)
    #expect(found.first?.numbers.count == 10)
    #expect(found.first?.reason.contains("10 descriptors of one file, /etc/passwd: ") == true)
  }

  @Test func whatIsInheritedIsToldButNotStandardStreams() throws {
    let python = try Python(
      """
      keep.append(os.open('/dev/zero', os.O_RDONLY))
      os.set_inheritable(keep[0], True)
      """)
    let snapshot = try python.snapshot()
    let zero = try #require(snapshot.descriptors.first { $0.target == "/dev/zero" })
    #expect(Series(snapshot).suspects.first { $0.rule == .noCloseOnExec }?.numbers == [zero.number])
  }

  @Test func aRegistrationOfAClosedNumberIsToldAndALivingOneIsNot() throws {
    let python = try Python(
      """
      poll = select.epoll()
      good, _ = os.pipe()
      poll.register(good, select.EPOLLIN)
      stale, _ = os.pipe()
      copy = os.dup(stale)
      poll.register(stale, select.EPOLLIN)
      os.close(stale)
      """,
      step: "keep += os.pipe()")
    let free = try #require(Series(try python.snapshot()).suspects.first { $0.rule == .staleRegistration })
    #expect(free.numbers.count == 2)
    #expect(free.reason.contains("which is not open"))
    // Now the number is another pipe's.
    try python.step()
    let other = try #require(Series(try python.snapshot()).suspects.first { $0.rule == .staleRegistration })
    #expect(other.numbers == free.numbers)
    #expect(other.reason.contains("which leads elsewhere now"))
  }

  @Test(arguments: [
    "os.open('/etc/passwd', os.O_RDONLY)", "os.open('/', os.O_RDONLY)", "os.memfd_create('x')",
  ])
  func aRegistrationUnderANumberThatNoPollTakesIsTold(successor: String) throws {
    let python = try Python(
      """
      poll = select.epoll()
      stale, _ = os.pipe()
      copy = os.dup(stale)
      poll.register(stale, select.EPOLLIN)
      os.close(stale)
      if \(successor) != stale: sys.exit('another number')
      """)
    let found = try #require(Series(try python.snapshot()).suspects.first { $0.rule == .staleRegistration })
    #expect(found.reason.contains("which leads elsewhere now"))
  }

  @Test func aFileOfTheKernelsThatIsWatchedIsNotStale() throws {
    let python = try Python(
      """
      poll = select.epoll()
      mounts = os.open('/proc/self/mounts', os.O_RDONLY)
      poll.register(mounts, select.EPOLLERR)
      """)
    #expect(!Series(try python.snapshot()).suspects.contains { $0.rule == .staleRegistration })
  }

  @Test func growthComesFirst() throws {
    let python = try Python(
      "keep += [os.open('/etc/passwd', os.O_RDONLY) for _ in range(10)]",
      step: "keep.append(os.open('/etc/group', os.O_RDONLY))")
    let suspects = try python.series(3).suspects
    #expect(suspects.first?.rule == .grows)
    #expect(suspects.first?.growth?.group == Group(kind: "file", what: "/etc/group"))
    #expect(suspects.first?.confidence == .likely)
    #expect(suspects.dropFirst().allSatisfy { $0.rule != .grows })
  }
}
