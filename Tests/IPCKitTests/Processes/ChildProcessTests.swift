// A child from its birth to its reaping: what it inherits, which is nothing, and what is left of it, which is nothing too.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ChildProcessTests {
  private static let soon = Duration.seconds(60)

  @Test(arguments: [0, 1, 42, 255] as [Int32]) func exitStatusIsTold(code: Int32) async throws {
    let command = Command(arguments: ["sh", "-c", "exit \(code)"], environment: .inherited)
    let said = try await output(of: command)
    #expect(said.status == .exited(code))
  }

  @Test(arguments: [SIGTERM, SIGKILL, SIGSEGV]) func signalIsTold(signal: Int32) async throws {
    try await withLoop { loop in
      let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
      let child = try await sleeper(in: terminal, on: loop)
      child.signal(signal)
      #expect(await child.exit() == .signaled(signal))
    }
  }

  @Test func killReachesTheWholeGroup() async throws {
    try await withLoop { loop in
      let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
      let script = "sleep 1000 & echo $!; wait"
      let command = Command(arguments: ["sh", "-c", script], environment: .inherited)
      let child = try await command.start(in: terminal, on: loop, deadline: .after(Self.soon))
      var text = ""
      while !text.utf8.contains(UInt8(ascii: "\n")) {
        try await terminal.source.readable(deadline: .after(Self.soon))
        text += String(decoding: try readOnce(terminal.source.descriptor, 99), as: UTF8.self)
      }
      let grandchild = try #require(pid_t(text.prefix { $0.isNumber }))
      let watched = try EventSource(ProcessHandle(processID: grandchild).intoDescriptor(), on: loop)
      child.kill()
      #expect(await child.exit() == .signaled(SIGKILL))
      try await watched.readable(deadline: .after(Self.soon))
    }
  }

  @Test func signalToOneThatHasEndedIsNoFailure() async throws {
    try await withLoop { loop in
      let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
      let child = try await sleeper(in: terminal, on: loop)
      child.kill()
      #expect(await child.exit() == .signaled(SIGKILL))
      child.signal(SIGTERM)
      #expect(await child.exit() == .unknown)
    }
  }

  @Test func endOfTheTerminalHangsItsProgramUp() async throws {
    try await withLoop { loop in
      func start() async throws -> ChildProcess {
        let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
        return try await sleeper(in: terminal, on: loop)
      }
      let child = try await start()
      #expect(await child.exit() == .signaled(SIGHUP))
    }
  }

  @Test func cancelledTaskWaitsForTheEndWithoutBurningTheProcessor() async throws {
    let used = try await withLoop { loop in
      let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
      let child = try await sleeper(in: terminal, on: loop)
      let number = child.processID
      let box = Holder(child)
      let waiting = Task(executorPreference: loop) { await box.child.exit() }
      await Task.yield()
      waiting.cancel()
      let before = threadProcessorTime()
      await loop.sleep(until: .after(.milliseconds(200)))
      let used = threadProcessorTime() - before
      kill(number, SIGKILL)
      #expect(await waiting.value == .signaled(SIGKILL))
      return used
    }
    #expect(used < 0.03)
  }

  @Test(.unlessForkedLoopsAreDeaf) func reapedChildIsGoneAndAFailedOneToo() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let loop = try EventLoop()
        try loop.run {
          let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
          for program in ["true", "false", "/no/such/program"] {
            let command = Command(arguments: [program], environment: .inherited)
            if let child = try? await command.start(in: terminal, on: loop) { _ = await child.exit() }
            quiet.expect(ChildProcessTests.hasNoChild(), program)
          }
        }
      }
    }
  }

  @Test(.unlessForkedLoopsAreDeaf) func withoutRoomNothingIsLeft() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let loop = try EventLoop()
        try loop.run {
          try quiet.expectNothingLeftOpen(needing: 1) {
            _ = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
          }
          let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
          let command = Command(arguments: ["true"], environment: .inherited)
          // The ends of the status pipe and the pidfd. The child has no pidfd, but the terminal's other side.
          try await quiet.expectNothingLeftOpen(needing: 3) {
            let child = try await command.start(in: terminal, on: loop)
            _ = await child.exit()
          }
          quiet.expect(ChildProcessTests.hasNoChild())
        }
      }
    }
  }

  @Test(.unlessForkedLoopsAreDeaf) func failedStartsLeaveNothingOpen() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let loop = try EventLoop()
        try loop.run {
          let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
          for arguments in [[], [""], ["a\0"], ["/no/such"], ["/tmp"]] {
            let command = Command(arguments: arguments, environment: .inherited)
            try await quiet.expectNothingLeftOpen {
              let ended = await systemFailure(of: { _ = try await command.start(in: terminal, on: loop) })
              quiet.expect(ended != nil)
            }
          }
        }
      }
    }
  }

  private func sleeper(in terminal: borrowing Terminal, on loop: EventLoop) async throws(IPCError) -> ChildProcess {
    let command = Command(arguments: ["sleep", "1000"], environment: .inherited)
    return try await command.start(in: terminal, on: loop, deadline: .after(Self.soon))
  }

  /// Neither alive nor a zombie.
  fileprivate static func hasNoChild() -> Bool { waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD }

  final class Holder: @unchecked Sendable {
    let child: ChildProcess
    init(_ child: consuming ChildProcess) { self.child = child }
  }
}
