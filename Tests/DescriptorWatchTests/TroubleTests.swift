// Watches that come to nothing: processes that may not be looked into any more, commands that end too soon. What was seen
// is told, and nothing passes for having been judged.

internal import DescriptorWatch
internal import FoundationEssentials
internal import Glibc
internal import IPCKitTesting
internal import Testing

/// Before a command that is to be run without root's powers.
private let ordinary = getuid() == 0 ? ["setpriv", "--reuid", "65534", "--clear-groups"] : []

/// Whether there is such a user for the program.
private let canBeOrdinary = (try? Job(ordinary + [Program.path, "--version"]).outcome())?.status == 0

/// Where an ordinary user may write.
private func commonDirectory() throws -> TemporaryDirectory {
  let directory = try TemporaryDirectory()
  try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: directory.path)
  return directory
}

private func document(_ text: String) throws -> ReportDocument {
  try JSONDecoder().decode(ReportDocument.self, from: Data(text.utf8))
}

@Suite(.leakFree) struct TroubleTests {
  @Test(.enabled(if: canBeOrdinary)) func whatWasSeenIsToldWhenTheProcessIsOutOfReach() throws {
    let python = try Python(
      """
      keep += socket.socketpair()
      if os.getuid() == 0: os.setresuid(65534, 65534, 65534)
      ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
      """,
      // What a program that changes its user does to itself.
      step: "ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)")
    let directory = try commonDirectory()
    let path = directory.file("snapshot")
    let job = try Job(ordinary + [Program.path, "\(python.id)", "--interval", "20ms", "--save", path])
    #expect(job.prints(" s  ", times: 2))
    try python.step()
    let outcome = try job.outcome()
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("process \(python.id) (") && outcome.errors.contains(" may not be looked into: "))
    #expect(outcome.output.contains("unix stream socket: 2"))
    #expect(outcome.lines.last?.contains(" may not be looked into: ") == true)
    #expect(try SnapshotFile.read(from: path).kinds["unix stream socket"] == 2)
  }

  @Test(.enabled(if: canBeOrdinary)) func aCommandThatMayNotBeLookedIntoIsNotJudged() throws {
    let directory = try commonDirectory()
    // The kernel shows nothing of a program that its user may not read.
    let program = directory.file("program")
    #expect(try Job(["sh", "-c", "cp \"$(command -v sleep)\" '\(program)'"]).outcome().status == 0)
    try FileManager.default.setAttributes([.posixPermissions: 0o111], ofItemAtPath: program)
    let report = directory.file("report")
    let arguments = ["--json", "--output", report, "--run", program, "2"]
    #expect(try Job(ordinary + [Program.path] + arguments).outcome().status == 0)
    let found = try document(contents(of: report))
    #expect(found.samples == 0 && found.snapshot == nil)
    #expect(found.end == "the command exited with status 0")
    #expect(found.note?.contains("may not be looked into") == true)
    for asked in [["--fail-on-growth", "9"], ["--save", directory.file("snapshot")]] {
      let outcome = try Job(ordinary + [Program.path] + asked + arguments).outcome()
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("may not be looked into"))
    }
    #expect(!directory.names.contains("snapshot"))
  }

  @Test func aCommandThatEndsBeforeItsFirstSampleHasAReport() throws {
    let directory = try TemporaryDirectory()
    let report = try directory.write("old", to: "report")
    var outcome: Outcome?
    var found: ReportDocument?
    // Now and then it is looked at.
    let came = try eventually {
      outcome = try Program.run(
        "--json", "--output", report, "--save", directory.file("snapshot"), "--run", "true")
      found = try document(contents(of: report))
      #expect(found?.end == "the command exited with status 0")
      return found?.samples == 0
    }
    #expect(came)
    #expect(outcome?.status == 1)
    #expect(outcome?.errors == "fdwatch: the command ended before it could be looked at\n")
    #expect(found?.note == "the command ended before it could be looked at")
  }

  @Test func aProcessWithoutItsFirstThreadHasNotEnded() throws {
    let program = """
      import ctypes, os, threading, time
      def work():
        while ') Z ' not in open(f'/proc/{os.getpid()}/stat').read(): time.sleep(0.003)
        print('alone', flush=True)
        while True: time.sleep(60)
      threading.Thread(target=work).start()
      ctypes.CDLL(None).pthread_exit(None)
      """
    let job = try Job(["python3", "-I", "-c", program])
    #expect(job.prints("alone"))
    let outcome = try Program.run("\(job.id)", "--interval", "10ms", "--count", "2")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("2 samples in "))
  }

  @Test(.enabled(if: Strace.isThere, Strace.isMissing))
  func aFailureIsNoEndOfTheProcess() throws {
    let python = try Python("")
    let outcome = try Job(Strace.failing("ppoll", with: "ENOMEM") + [Program.path, "\(python.id)"]).outcome()
    #expect(outcome.status == 1)
    #expect(outcome.errors == "fdwatch: ppoll: Cannot allocate memory\n")
  }

  @Test func aNameIsNotOneThatHasEnded() throws {
    let name = "fdz\(getpid() % 100000)"
    let python = try Python(
      """
      child = os.fork()
      if child == 0:
        ctypes.CDLL(None).prctl(15, b'\(name)', 0, 0, 0)
        os._exit(0)
      os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
      """)
    let outcome = try Program.run(name)
    #expect(outcome.status == 1)
    #expect(outcome.errors == "fdwatch: no process is called '\(name)'\n")
    withExtendedLifetime(python) {}
  }

  @Test func aCommandsOwnFailureComesBeforeThatItWasNotJudged() throws {
    let outcome = try Program.run("--warm-up", "1h", "--fail-on-growth", "0", "--run", "sh", "-c", "exit 7")
    #expect(outcome.status == 7)
    #expect(outcome.errors.contains("fdwatch: growth is not judged: "))
  }

  @Test func growthThatWasNotJudgedDoesNotPass() throws {
    let python = try Python("")
    let interval = ["\(python.id)", "--interval", "10ms"]
    let reason = "growth is not judged: fewer than two samples were taken"
    let one = try Job([Program.path] + interval + ["--count", "1", "--fail-on-growth", "0"]).outcome()
    #expect(one.status == 1)
    #expect(one.errors == "fdwatch: \(reason)\n")
    let warming = ["--count", "4", "--warm-up", "1h", "--fail-on-growth", "0"]
    let cold = try Job([Program.path] + interval + warming).outcome()
    #expect(cold.status == 1)
    #expect(cold.errors == "fdwatch: \(reason) after the warm-up of 60 min (--warm-up 0 is without)\n")
    // Who did not ask is told, and has done nothing wrong.
    let unasked = try Job([Program.path] + interval + ["--count", "1"]).outcome()
    #expect(unasked.status == 0)
    #expect(unasked.output.hasSuffix("note: \(reason)\n"))
  }

  /// Nobody reads what it prints, so that it waits; a signal ends it all the same.
  @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func oneThatNobodyReadsFromCanBeEnded(number: Int32) throws {
    let python = try Python("")
    let directory = try TemporaryDirectory()
    let path = directory.file("fifo")
    #expect(try Job(["mkfifo", path]).outcome().status == 0)
    // Opened for both, so that opening does not wait. The path is a C string for the length of the call.
    let fifo = unsafe open(path, O_RDWR | O_CLOEXEC)
    defer { close(fifo) }
    let job = try Job(
      [Program.path, "--interval", "1ms", "--json", "\(python.id)"], setup: "exec >'\(path)'")
    var (last, looks) = (Int32(0), 0)
    #expect(
      eventually {
        var waiting: Int32 = 0
        // The number of bytes, for the length of the call.
        guard unsafe ioctl(fifo, UInt(FIONREAD), &waiting) == 0, waiting > 50_000 else { return false }
        (last, looks) = (waiting, waiting == last ? looks + 1 : 0)
        return looks > 50
      })
    job.signal(number)
    let outcome = try job.outcome()
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("standard output"))
  }

  @Test func withoutAWarmUpAShortCommandIsJudged() throws {
    let outcome = try Program.run(
      "--warm-up", "0", "--interval", "10ms", "--fail-on-growth", "0", "--run", "sleep", "3")
    #expect(outcome.status == 0)
    #expect(!outcome.errors.contains("not judged"))
  }
}
