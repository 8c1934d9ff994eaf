// Starting programs: found or not, in a directory or not, in time or not.
//
// Whoever writes a program and then runs it does so in a process of its own: a child that another test starts holds a copy
// of the writing descriptor for a moment, and the kernel executes no file that somebody may write to.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct CommandTests {
  @Test func programIsFoundInPATHAndGetsItsArguments() async throws {
    let said = try await output(of: Command(arguments: ["printf", "%s|", "a b", "", "*"], environment: .inherited))
    #expect(said.text == "a b||*|")
    #expect(said.status == .exited(0))
  }

  @Test func pathOfTheCommandCountsNotOurs() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      try writeFile(directory("tool"), "#!/bin/sh\necho mine\n", mode: 0o700)
      var environment = Environment()
      environment["PATH"] = "/nonexistent:\(directory.path)"
      let said = try await output(of: Command(arguments: ["tool"], environment: environment))
      #expect(said.text == "mine\r\n")
    }
  }

  @Test func emptyEntryOfPATHIsTheWorkingDirectory() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      try writeFile(directory("tool"), "#!/bin/sh\necho here\n", mode: 0o700)
      var environment = Environment()
      environment["PATH"] = "/nonexistent:"
      let command = Command(arguments: ["tool"], environment: environment, directories: [directory.path])
      let said = try await output(of: command)
      #expect(said.text == "here\r\n")
    }
  }

  @Test func withoutPATHTheUsualPlacesAreSearched() async throws {
    let said = try await output(of: Command(arguments: ["echo", "x"], environment: Environment()))
    #expect(said.text == "x\r\n")
  }

  @Test func deniedProgramDoesNotHideALaterOne() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      try makeDirectory(directory("a"))
      try makeDirectory(directory("b"))
      try writeFile(directory("a/tool"), "#!/bin/sh\necho a\n", mode: 0o600)
      try writeFile(directory("b/tool"), "#!/bin/sh\necho b\n", mode: 0o700)
      var environment = Environment()
      environment["PATH"] = "\(directory("a")):\(directory("b"))"
      let said = try await output(of: Command(arguments: ["tool"], environment: environment))
      #expect(said.text == "b\r\n")
    }
  }

  @Test func scriptWithoutItsFirstLineIsTheShells() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      try writeFile(directory("script"), "echo \"$0 $1\"\n", mode: 0o700)
      let command = Command(arguments: [directory("script"), "one"], environment: .inherited)
      let said = try await output(of: command)
      #expect(said.text == "\(directory("script")) one\r\n")
    }
  }

  /// A way to fail before the program runs.
  enum Failure: String, CaseIterable {
    case missingInPATH, missingByPath, denied, directoryIsNoProgram, missingDirectory, deniedInPATH, directoryIsAFile
    case noArguments, emptyProgram, NULInArgument, NULInDirectory, NULInEnvironment, unreachableLimit
  }

  @Test(arguments: Failure.allCases) func failureSaysWhatToDo(kind: Failure) async throws {
    let directory = try TemporaryDirectory()
    let file = directory("file")
    try writeFile(file, "#!/bin/sh\n", mode: 0o600)
    var command = Command(arguments: ["true"], environment: .inherited)
    let sentence: String
    switch kind {
    case .missingInPATH:
      command.arguments = ["no-such-program-anywhere"]
      sentence = "execute no-such-program-anywhere: No such file or directory"
    case .missingByPath:
      command.arguments = [directory("missing")]
      sentence = "execute \(directory("missing")): No such file or directory"
    case .denied:
      command.arguments = [file]
      sentence = "execute \(file): Permission denied"
    case .deniedInPATH:
      command.arguments = ["file"]
      command.environment["PATH"] = "\(directory.path):/nonexistent"
      sentence = "execute file: Permission denied"
    case .directoryIsNoProgram:
      command.arguments = [directory.path]
      sentence = "execute \(directory.path): Permission denied"
    case .missingDirectory:
      command.directories = [directory("gone"), directory("gone too")]
      sentence = "change directory to \(directory("gone")): No such file or directory"
    case .directoryIsAFile:
      command.directories = [file]
      sentence = "change directory to \(file): Not a directory"
    case .noArguments:
      command.arguments = []
      sentence = "execute (no program): No such file or directory"
    case .emptyProgram:
      command.arguments = [""]
      sentence = "execute (no program): No such file or directory"
    case .NULInArgument:
      command.arguments = ["echo", "a\0b"]
      sentence = "execute (argument with NUL): Invalid argument"
    case .NULInDirectory:
      command.directories = ["/tmp\0"]
      sentence = "execute (argument with NUL): Invalid argument"
    case .NULInEnvironment:
      command.environment["A"] = "b\0c"
      sentence = "execute (variable with NUL): Invalid argument"
    case .unreachableLimit:
      var limit = try DescriptorLimit.current()
      limit.soft = limit.hard + 1
      command.descriptorLimit = limit
      sentence = "setrlimit: Invalid argument"
    }
    let failing = command
    let error = await #expect(throws: IPCError.self) { _ = try await output(of: failing) }
    #expect(error?.description == sentence)
  }

  @Test func firstDirectoryThatExistsIsTaken() async throws {
    let directory = try TemporaryDirectory()
    let command = Command(
      arguments: ["pwd"], environment: .inherited, directories: [directory("gone"), directory.path, "/"])
    let said = try await output(of: command)
    #expect(said.text == directory.path + "\r\n")
  }

  @Test func environmentIsExact() async throws {
    var environment = Environment()
    environment["B"] = "two words"
    environment["A"] = ""
    environment["PATH"] = "/usr/bin:/bin"
    let said = try await output(of: Command(arguments: ["env"], environment: environment))
    #expect(said.text == "B=two words\r\nA=\r\nPATH=/usr/bin:/bin\r\n")
  }

  @Test func limitAndItsMaximumAreTheCommands() async throws {
    var command = Command(arguments: ["sh", "-c", "ulimit -Sn; ulimit -Hn"], environment: .inherited)
    var limit = try DescriptorLimit.current()
    (limit.soft, limit.hard) = (77, 99)
    command.descriptorLimit = limit
    let said = try await output(of: command)
    #expect(said.text == "77\r\n99\r\n")
  }

  @Test func cancellationEndsAStart() async throws {
    try await withLoop { loop in
      let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
      for _ in 0..<10 {
        let task = Task(executorPreference: loop) {
          let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
          let command = Command(arguments: ["true"], environment: .inherited)
          let child = try await command.start(in: terminal, on: loop)
          return await child.exit()
        }
        startDetachedThread { task.cancel() }
        // Either it was in time or it was not; nothing else.
        switch await task.result {
        case .success(let status): #expect(status == .exited(0) || status == .signaled(SIGHUP))
        case .failure(let error): #expect(error as? IPCError == .cancelled)
        }
      }
      _ = terminal
    }
  }
}

/// Runs a command in a terminal of its own: all that it printed and how it ended.
func output(of command: Command) async throws -> (text: String, status: IPCKit.ExitStatus) {
  try await withLoop { loop in
    let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
    let child = try await command.start(in: terminal, on: loop, deadline: .after(.seconds(60)))
    return (try await everything(from: terminal), await child.exit())
  }
}

/// All that is printed in a terminal until the last of its programs has ended.
nonisolated(nonsending) func everything(from terminal: borrowing Terminal) async throws -> String {
  var text: [UInt8] = []
  var errno: Int32 = 0
  // The end of a terminal's output is EIO.
  while errno == 0 || errno == EAGAIN {
    if errno == EAGAIN { try await terminal.source.readable(deadline: .after(.seconds(60))) }
    errno = systemFailure { text += try readOnce(terminal.source.descriptor, 4096) }?.errno ?? 0
  }
  return String(decoding: text, as: UTF8.self)
}
