// What a started program finds around it, asked of the kernel by the program itself: three descriptors, its own session and
// terminal, and signals as if nobody had ever touched them.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct CommandChildTests {
  @Test func descriptorsAreThreeAndTheTerminals() async {
    await #expect(processExitsWith: .success) {
      // Descriptors that are not close-on-exec, at low and high numbers, must not get through.
      for number in [50, 51, 200] as [Int32] { dup2(0, number) }
      let said = try await output(of: CommandChildTests.shell("ls -l /proc/self/fd"))
      let lines = said.text.split(whereSeparator: \.isNewline).filter { $0.contains(" -> ") }
        .map { $0.split(separator: " ").suffix(3).joined(separator: " ") }
      // The fourth is the directory that ls reads.
      #expect(lines.count == 4, "\(said.text)")
      for (number, line) in lines.prefix(3).enumerated() {
        #expect(line.hasPrefix("\(number) -> /dev/pts/"), "\(line)")
      }
      #expect(lines.last?.contains("/proc/") == true, "\(said.text)")
    }
  }

  @Test func sessionAndTerminalAreItsOwn() async throws {
    // Fields of proc(5)'s stat after the name: state, parent, group, session, terminal.
    let said = try await output(
      of: CommandChildTests.shell("set -- $(cut -d')' -f2 /proc/$$/stat); echo $$ $2 $3 $4 $5; tty"))
    let lines = said.text.split(whereSeparator: \.isNewline)
    let fields = lines.first?.split(separator: " ").compactMap { Int32($0) } ?? []
    try #require(fields.count == 5)
    #expect(fields[1] == getpid())
    #expect(fields[2] == fields[0] && fields[3] == fields[0])
    #expect(fields[4] != 0)
    #expect(lines.last?.hasPrefix("/dev/pts/") == true)
  }

  @Test func controllingTerminalCanBeOpenedByName() async throws {
    let said = try await output(of: CommandChildTests.shell("echo through > /dev/tty"))
    #expect(said.text == "through\r\n")
  }

  @Test func signalsAreDefaultAndUnblockedWhateverOursAre() async {
    await #expect(processExitsWith: .success) {
      signal(SIGPIPE, SIG_IGN)
      signal(SIGINT, SIG_IGN)
      signal(SIGUSR1) { _ in }
      try await withLoop { loop in
        try blockSignal(SIGTERM)
        try blockSignal(SIGHUP)
        try blockSignal(SIGCHLD)
        let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
        let command = CommandChildTests.shell("grep -E 'Sig(Blk|Ign)' /proc/self/status")
        let child = try await command.start(in: terminal, on: loop, deadline: .after(.seconds(60)))
        let text = try await everything(from: terminal)
        #expect(await child.exit() == .exited(0))
        let zero = String(repeating: "0", count: 16)
        #expect(text == "SigBlk:\t\(zero)\r\nSigIgn:\t\(zero)\r\n", "\(text)")
        // And ours are as they were.
        let ignored = try isIgnored(SIGPIPE)
        #expect(ignored)
      }
    }
  }

  @Test func umaskAndLimitsAreOurs() async {
    await #expect(processExitsWith: .success) {
      umask(0o027)
      let said = try await output(of: CommandChildTests.shell("umask"))
      #expect(said.text == "0027\r\n")
      #expect(umask(0) == 0o027)
    }
  }

  @Test func sizeIsTheTerminals() async throws {
    let said = try await output(of: CommandChildTests.shell("stty size"))
    #expect(said.text == "24 80\r\n")
  }

  @Test func manyStartAtOnceWithoutGettingEachOthersDescriptors() async throws {
    let texts = try await withLoop { loop in
      try await withThrowingTaskGroup { group in
        for number in 0..<30 {
          group.addTask(executorPreference: loop) {
            let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
            let command = CommandChildTests.shell("ls /proc/self/fd | wc -l; echo \(number)")
            let child = try await command.start(in: terminal, on: loop, deadline: .after(.seconds(60)))
            let text = try await everything(from: terminal)
            #expect(await child.exit() == .exited(0))
            return text
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
    }
    #expect(Set(texts) == Set((0..<30).map { "4\r\n\($0)\r\n" }))
  }

  @Test func slowProgramEndsAtTheDeadlineAndLeavesNoChild() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let path = directory("slow")
      try writeFile(path, "#!/bin/sh\n", mode: 0o700)
      // A lease holds up whoever opens the file, the kernel's exec among them, until it is given up.
      let file = try openFile(path, O_RDONLY)
      let isHeld = takeLease(on: file)
      try #require(isHeld, "the temporary directory's file system has no leases")
      try await withLoop { loop in
        let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
        let command = Command(arguments: [path], environment: .inherited)
        await #expect(throws: IPCError.deadlineExceeded(operation: "read")) {
          _ = try await command.start(in: terminal, on: loop, deadline: .after(.milliseconds(50)))
        }
        // Another one is not held up meanwhile.
        let other = try await CommandChildTests.shell("exit 3").start(
          in: terminal, on: loop, deadline: .after(.seconds(60)))
        #expect(await other.exit() == .exited(3))
      }
      #expect(waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD)
    }
  }

  fileprivate static func shell(_ script: String) -> Command {
    Command(arguments: ["sh", "-c", script], environment: .inherited)
  }
}
