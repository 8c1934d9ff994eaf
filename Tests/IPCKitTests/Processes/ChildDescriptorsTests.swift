// What a child has open, counted from outside: 0, 1, 2 and what was listed, at its number, and nothing of it left here.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ChildDescriptorsTests {
  @Test func listedOnesAndNullAreAllThereIs() async throws {
    // Not close-on-exec, so that the list alone keeps it out.
    let stray = dup(0)
    defer { close(stray) }
    let pipe = try Pipe()
    let (reading, writing) = (target(of: pipe.reading) ?? "", target(of: pipe.writing) ?? "")
    var descriptors = ChildDescriptors()
    descriptors.set(3, to: pipe.reading)
    descriptors.set(7, 500, to: pipe.writing)
    let box = Box(descriptors)
    try await withLoop { loop in
      let child = try await sleeper.start(with: box.take(), on: loop, deadline: .after(soon))
      let null = "/dev/null"
      try expect(child, has: [0: null, 1: null, 2: null, 3: reading, 7: writing, 500: writing])
      child.kill()
      #expect(await child.exit() == .signaled(SIGKILL))
      #expect(await child.exit() == .unknown)
    }
  }

  @Test func inATerminalTheRestIsTheTerminals() async throws {
    let pipe = try Pipe()
    let (reading, writing) = (target(of: pipe.reading) ?? "", target(of: pipe.writing) ?? "")
    var descriptors = ChildDescriptors()
    descriptors.set(0, to: pipe.reading)
    descriptors.set(9, to: pipe.writing)
    let box = Box(descriptors)
    try await withLoop { loop in
      let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
      let handover = try Handover()
      let child = try await sleeper.start(
        in: terminal, with: box.take(), on: loop, through: handover, deadline: .after(soon))
      let side = try #require(linkTarget("/proc/\(child.processID)/fd/1"))
      #expect(side.hasPrefix("/dev/pts/"))
      try expect(child, has: [0: reading, 1: side, 2: side, 9: writing])
      child.kill()
      #expect(await child.exit() == .signaled(SIGKILL))
    }
  }

  @Test func programReadsAndWritesThroughThem() async throws {
    let input = try Pipe()
    let output = try Pipe()
    var descriptors = ChildDescriptors()
    descriptors.set(5, to: input.reading)
    descriptors.set(1, 2, to: output.writing)
    try input.writing.writeAll("hello\n")
    try input.writing.close()
    let command = Command(arguments: ["sh", "-c", "cat <&5; echo error >&2"], environment: .inherited)
    let child = try DetachedProcess(command, with: descriptors, deadline: .after(soon))
    var reader = BufferedReader(output.reading)
    // To the end: no copy of the writing end is open here.
    var lines: [String] = []
    while let line = try reader.nextLine(as: String.self, deadline: .after(soon)) { lines.append(line) }
    #expect(lines == ["hello", "error"])
    #expect(try child.exit(deadline: .after(soon)) == .exited(0))
  }

  @Test func sessionIsItsOwnWithoutATerminal() async throws {
    let output = try Pipe()
    var descriptors = ChildDescriptors()
    descriptors.set(1, to: output.writing)
    let box = Box(descriptors)
    let script = "set -- $(cut -d')' -f2 /proc/$$/stat); echo $$ $4 $5"
    try await withLoop { loop in
      let command = Command(arguments: ["sh", "-c", script], environment: .inherited)
      let child = try await command.start(with: box.take(), on: loop, deadline: .after(soon))
      #expect(await child.exit() == .exited(0))
    }
    var reader = BufferedReader(output.reading)
    let line = try reader.nextLine(as: String.self, deadline: .after(soon))
    let fields = line?.split(whereSeparator: \.isWhitespace) ?? []
    #expect(fields.count == 3 && fields[0] == fields[1] && fields[2] == "0")
  }

  @Test func inheritedStreamsAreThisProcesss() async {
    await #expect(processExitsWith: .success) {
      let file = try openFile("/proc/self/status", O_RDONLY)
      let status = target(of: file) ?? ""
      // The owner outlives the call.
      unsafe file.withUnsafeNumber { _ = dup2($0, 2) }
      try await withLoop { loop in
        var descriptors = ChildDescriptors()
        descriptors.inherit(2)
        let child = try await sleeper.start(with: descriptors, on: loop, deadline: .after(soon))
        try expect(child, has: [0: "/dev/null", 1: "/dev/null", 2: status])
        child.kill()
        #expect(await child.exit() == .signaled(SIGKILL))
        // Closed in this process: what is opened next has its number, and is not the child's.
        close(2)
        var none = ChildDescriptors()
        none.inherit(2)
        let box = Box(none)
        let ended = await systemFailure { _ = try await sleeper.start(with: box.take(), on: loop) }
        #expect(ended?.description == "inherit descriptor 2: Bad file descriptor")
      }
    }
  }

  @Test func listedAgainReplacesAndClosesTheFirst() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        try quiet.expectNothingLeftOpen {
          let before = openDescriptors().count
          var descriptors = ChildDescriptors()
          descriptors.set(3, 4, to: try openFile("/dev/null", O_RDWR))
          descriptors.set(3, to: try openFile("/dev/zero", O_RDWR))
          quiet.expect(openDescriptors().count == before + 2)
          descriptors.set(4, to: try openFile("/dev/full", O_RDWR))
          quiet.expect(openDescriptors().count == before + 2)
          descriptors.inherit(0)
          quiet.expect(openDescriptors().count == before + 2)
        }
      }
    }
  }

  @Test(.unlessForkedLoopsAreDeaf) func startedOrNotNothingIsLeftHere() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let loop = try EventLoop()
        try loop.run {
          for program in [["true"], [], ["a\0"], ["/no/such/program"]] {
            let command = Command(arguments: program, environment: .inherited)
            try await quiet.expectNothingLeftOpen {
              let box = Box(try three())
              var child = try? await command.start(with: box.take(), on: loop)
              quiet.expect((child == nil) == (program != ["true"]))
              _ = await child.take()?.exit()
              let again = Box(try three())
              let detached = ipcFailure { _ = try DetachedProcess(command, with: again.take()).exit() }
              quiet.expect((detached == nil) == (program == ["true"]))
              quiet.expect(waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD)
            }
          }
          // The list's own two, /dev/null, the status pipe's ends and the pidfd.
          let command = Command(arguments: ["true"], environment: .inherited)
          try await quiet.expectNothingLeftOpen(needing: 6) {
            let pipe = try Pipe()
            var descriptors = ChildDescriptors()
            descriptors.set(0, to: pipe.reading)
            descriptors.set(1, to: pipe.writing)
            let box = Box(descriptors)
            _ = try await command.start(with: box.take(), on: loop).exit()
          }
        }
      }
    }
  }

  @Test func numberBeyondTheLimitIsRefusedAndReaped() async {
    await #expect(processExitsWith: .success) {
      var limit = try DescriptorLimit.current()
      limit.soft = 200
      try limit.apply()
      try await withLoop { loop in
        let box = Box(ChildDescriptors())
        box.set(200, to: try openFile("/dev/null", O_RDWR))
        let ended = await systemFailure { _ = try await sleeper.start(with: box.take(), on: loop) }
        #expect(ended?.description == "place descriptors: Bad file descriptor")
      }
      #expect(waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD)
    }
  }

  @Test func wrongNumbersTrap() async {
    await #expect(processExitsWith: .failure) {
      var descriptors = ChildDescriptors()
      descriptors.set(-1, to: try openFile("/dev/null", O_RDWR))
    }
    await #expect(processExitsWith: .failure) {
      var descriptors = ChildDescriptors()
      descriptors.inherit(3)
    }
  }
}

private let soon = Duration.seconds(60)

private let sleeper = Command(arguments: ["sleep", "1000"], environment: .inherited)

/// A list with three descriptors.
private func three() throws -> ChildDescriptors {
  var descriptors = ChildDescriptors()
  descriptors.set(3, to: try openFile("/dev/null", O_RDWR))
  let pipe = try Pipe()
  descriptors.set(8, to: pipe.reading)
  descriptors.set(300, 301, to: pipe.writing)
  return descriptors
}

/// Expects a child to have these descriptors: whenever it has just none of the libraries and locales open that it reads.
private func expect(_ child: borrowing ChildProcess, has expected: [Int32: String]) throws {
  let process = child.processID
  var found: [Int32: String] = [:]
  _ = try? eventually {
    found = try DescriptorCensus(processID: process).targets
    return found == expected
  }
  #expect(found == expected)
}

/// A list on its way into a closure, which cannot consume what it captures.
private final class Box: @unchecked Sendable {
  private var descriptors: ChildDescriptors?

  init(_ descriptors: consuming ChildDescriptors) { self.descriptors = consume descriptors }

  func set(_ number: Int32, to descriptor: consuming FileDescriptor) {
    var list = take()
    list.set(number, to: descriptor)
    descriptors = consume list
  }

  func take() -> ChildDescriptors { descriptors.take() ?? ChildDescriptors() }
}
