// process.c and child.c: what stands between clone and exec, asked of the kernel by the child; every step's failure told.

import CIPCShim
import Glibc
import Testing

@Suite(.timeLimit(.minutes(5))) struct ProcessTests {
  @Test func childHasThreeDescriptorsAndNothingElse() async {
    await #expect(processExitsWith: .success) {
      for number in [40, 41, 300] as [Int32] { dup2(0, number) }
      let said = try run(["/bin/ls", "/proc/self/fd"])
      // The fourth is the directory that ls reads.
      #expect(said.text == "0\n1\n2\n3\n")
    }
  }

  @Test func sessionIsTheChildsOwn() throws {
    // Fields of proc(5)'s stat after the name: state, parent, group, session.
    let said = try run(["/bin/sh", "-c", "set -- $(cut -d')' -f2 /proc/$$/stat); echo $$ $3 $4"])
    let fields = said.text.split(whereSeparator: \.isWhitespace)
    #expect(fields.count == 3 && Set(fields).count == 1)
  }

  @Test func signalsAreDefaultAndUnblocked() async {
    await #expect(processExitsWith: .success) {
      signal(SIGPIPE, SIG_IGN)
      signal(SIGCHLD, SIG_IGN)
      signal(SIGCHLD, SIG_DFL)
      block(SIGTERM)
      block(SIGUSR1)
      let said = try run(["/bin/grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"])
      let zero = String(repeating: "0", count: 16)
      #expect(said.text == "SigBlk:\t\(zero)\nSigIgn:\t\(zero)\n")
      #expect(said.exit == [0, 0])
    }
  }

  @Test func limitsAndDirectoryAreTheRequests() throws {
    let script = "ulimit -Sn; ulimit -Hn; pwd"
    let said = try run(["/bin/sh", "-c", script], directories: ["/nonexistent", "/usr/bin"], limits: (60, 70))
    #expect(said.text == "60\n70\n/usr/bin\n")
  }

  @Test func umaskIsTheParents() async {
    await #expect(processExitsWith: .success) {
      umask(0o137)
      let said = try run(["/bin/sh", "-c", "umask"])
      #expect(said.text == "0137\n")
    }
  }

  @Test func environmentIsExact() throws {
    let said = try run(["/usr/bin/env"], environment: ["A=1", "B=two words"])
    #expect(said.text == "A=1\nB=two words\n")
  }

  @Test func terminalIsTheControllingOneAndAllThreeStreams() throws {
    let terminal = ipc_open_terminal(90, 33)
    let said = try run(["/bin/sh", "-c", "stty size; tty < /dev/tty; tty; tty <&1; tty <&2"], terminal: terminal)
    let lines = said.text.split(whereSeparator: \.isNewline)
    #expect(lines.first == "33 90")
    #expect(lines.count == 5 && lines[2].hasPrefix("/dev/pts/") && lines[3] == lines[2] && lines[4] == lines[2])
    close(terminal)
  }

  @Test func exitAndSignalAreTold() throws {
    #expect(try run(["/bin/sh", "-c", "exit 7"]).exit == [0, 7])
    #expect(try run(["/bin/sh", "-c", "kill -9 $$"]).exit == [1, 9])
  }

  @Test func nextCandidateAfterAMissingOneAndAScriptToTheShell() async {
    await #expect(processExitsWith: .success) {
      let directory = try makeDirectory()
      let script = "\(directory)/script"
      let file = unsafe open(script, O_WRONLY | O_CREAT | O_CLOEXEC, 0o700)
      #expect(write("echo \"$0 $1\"\n", to: file) > 0)
      close(file)
      let said = try run(["script", "one"], candidates: ["/nonexistent/script", script])
      #expect(said.text == "\(script) one\n")
      removeDirectory(directory, "script")
    }
  }

  /// A step that can be made to fail.
  enum Step: CaseIterable { case terminal, descriptors, limits, directory, missing, denied }

  @Test(arguments: Step.allCases) func failedStepIsNamed(step: Step) throws {
    let failed: Failed?
    let expected: (ipc_spawn_step, Int32)
    switch step {
    case .terminal:
      let (reading, writing) = try makePipe()
      failed = try run(["/bin/true"], terminal: reading).failed
      expected = (IPC_SPAWN_TERMINAL, ENOTTY)
      closeAll(reading, writing)
    case .descriptors:
      failed = try run(["/bin/true"], placed: [1: 1_000_000]).failed
      expected = (IPC_SPAWN_DESCRIPTORS, EBADF)
    case .limits:
      failed = try run(["/bin/true"], limits: (20, 10)).failed
      expected = (IPC_SPAWN_LIMITS, EINVAL)
    case .directory:
      failed = try run(["/bin/true"], directories: ["/nonexistent", "/dev/null"]).failed
      expected = (IPC_SPAWN_DIRECTORY, ENOENT)
    case .missing:
      failed = try run(["/nonexistent"], candidates: ["/nonexistent/a", "/dev/null/b"]).failed
      expected = (IPC_SPAWN_EXECUTE, ENOTDIR)
    case .denied:
      failed = try run(["x"], candidates: ["/etc/passwd", "/nonexistent/x"]).failed
      expected = (IPC_SPAWN_EXECUTE, EACCES)
    }
    #expect(failed?.step == Int32(expected.0.rawValue))
    #expect(failed?.error == expected.1)
  }

  @Test func reapedOnceAndSignalsToTheDeadAreErrors() throws {
    let spawned = try start(["/bin/sleep", "1000"])
    #expect(ipc_is_close_on_exec(spawned.pidfd) == 1 && ipc_is_close_on_exec(spawned.status) == 1)
    var ended = ipc_exit()
    // The shim fills the structure, here and below.
    #expect(unsafe ipc_reap(spawned.pidfd, &ended) == 0)
    #expect(ipc_pidfd_signal(spawned.pidfd, SIGTERM) == 0)
    #expect(ipc_poll(spawned.pidfd, IPC_READABLE, 20_000_000_000) > 0)
    #expect(unsafe ipc_reap(spawned.pidfd, &ended) == 1)
    #expect(ended.signaled == 1 && ended.code == SIGTERM)
    #expect(unsafe ipc_reap(spawned.pidfd, &ended) == -ECHILD)
    #expect(ipc_pidfd_signal(spawned.pidfd, SIGTERM) == -ESRCH)
    #expect(ipc_signal_group(spawned.pid, SIGTERM) == -ESRCH)
    spawned.finish()
  }

  @Test func pidfdOfNobody() {
    #expect(ipc_pidfd_open(-1) == -EINVAL)
    #expect(ipc_pidfd_open(0) == -EINVAL)
  }
}
