// fdwatch --run: a command as it would run without it, and what it holds.

internal import DescriptorWatch
internal import Glibc
internal import IPCKitTesting
internal import Testing

@Suite(.leakFree) struct CommandTests {
  @Test func outputAndStatusAreTheCommands() throws {
    let outcome = try Program.run("--run", "sh", "-c", "echo out; echo err >&2; exit 7")
    #expect(outcome.status == 7)
    #expect(outcome.output == "out\n")
    #expect(outcome.errors.hasPrefix("err\n") || outcome.errors.contains("\nerr\n"))
    #expect(outcome.errors.contains("the command exited with status 7"))
  }

  @Test func optionsBehindRunAreTheCommands() throws {
    let outcome = try Program.run("--run", "--", "printf", "%s.", "--json", "--help", "-x")
    #expect(outcome.status == 0)
    #expect(outcome.output == "--json.--help.-x.")
  }

  @Test func itHasTheStandardStreamsAlone() throws {
    let outcome = try Program.run(
      "--run", "sh", "-c", "for n in 0 1 2 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$n ] || echo $n; done",
      setup: "exec 7</dev/null")
    #expect(outcome.lines == ["0", "1", "2"])
  }

  @Test func aSignalThatKillsItIsItsStatus() throws {
    let outcome = try Program.run("--run", "sh", "-c", "kill -9 $$")
    #expect(outcome.status == 137)
    #expect(outcome.errors.contains("the command was killed by signal 9"))
  }

  @Test(arguments: [SIGTERM, SIGINT, SIGUSR1]) func signalsAreHandedOn(number: Int32) throws {
    let job = try Job([
      Program.path, "--run", "sh", "-c",
      "trap 'echo caught; exit 5' TERM INT USR1; echo ready; while :; do sleep 0.05; done",
    ])
    #expect(job.prints("ready\n"))
    job.signal(number)
    let outcome = try job.outcome()
    #expect(outcome.status == 5)
    #expect(outcome.output == "ready\ncaught\n")
  }

  @Test func whatCannotBeStartedIsTold() throws {
    let outcome = try Program.run("--run", "/no/such/program")
    #expect(outcome.status == 1)
    #expect(outcome.errors == "fdwatch: execute /no/such/program: No such file or directory\n")
  }

  @Test(.enabled(if: Strace.isThere, Strace.isMissing))
  func itsEndIsHeardOfThoughNothingCanBeWatched() throws {
    let arguments = [Program.path, "--run", "sh", "-c", "exit 7"]
    let outcome = try Job(Strace.failing("pidfd_open", with: "EPERM") + arguments).outcome()
    #expect(outcome.status == 7)
    #expect(outcome.errors.hasSuffix("the command exited with status 7\n"))
  }

  @Test(.enabled(if: Strace.isThere, Strace.isMissing))
  func nothingIsRunThatNoSignalWouldReach() throws {
    let directory = try TemporaryDirectory()
    let arguments = [Program.path, "--run", "touch", directory.file("marker")]
    let outcome = try Job(Strace.failing("signalfd4", with: "EMFILE") + arguments).outcome()
    #expect(outcome.status == 1)
    #expect(outcome.errors == "fdwatch: signalfd: Too many open files\n")
    #expect(directory.names == [])
  }

  /// Leaves pairs behind from its beginning to its end.
  private static let leaking = """
    import os, socket, time
    keep = []
    for _ in range(400):
      keep.append(socket.socketpair())
      time.sleep(0.01)
    # Nothing is closed one by one.
    os._exit(0)
    """

  @Test func whatIsLeftAfterTheWarmUpFails() throws {
    let directory = try TemporaryDirectory()
    let report = directory.file("report")
    let outcome = try Program.run(
      "--interval", "20ms", "--warm-up", "100ms", "--fail-on-growth", "3", "--output", report, "--run", "python3", "-I",
      "-c", Self.leaking)
    #expect(outcome.status == 2)
    #expect(outcome.errors.hasPrefix("fdwatch: grew by more than 3: +"))
    let text = contents(of: report)
    // The last sample is one of when it lived.
    #expect(text.contains("grows (") && text.contains("new: socketpair "))
    #expect(text.hasSuffix("the command exited with status 0\n"))
  }

  @Test func whatIsLeftWithinTheLimitPasses() throws {
    let outcome = try Program.run(
      "--interval", "20ms", "--warm-up", "100ms", "--fail-on-growth", "1000", "--run", "python3", "-I", "-c",
      Self.leaking)
    #expect(outcome.status == 0)
    let idle = try Program.run(
      "--interval", "20ms", "--warm-up", "1ms", "--fail-on-growth", "0", "--run", "sleep", "3")
    #expect(idle.status == 0)
  }

  @Test func aCommandThatEndsWithinItsWarmUpIsNotJudged() throws {
    let outcome = try Program.run(
      "--warm-up", "1h", "--fail-on-growth", "0", "--interval", "20ms", "--run", "python3", "-I", "-c", Self.leaking)
    #expect(outcome.status == 1)
    #expect(
      outcome.errors.hasSuffix(
        "fdwatch: growth is not judged: fewer than two samples were taken after the warm-up of 60 min (--warm-up 0 is without)\n"
      ))
  }
}
