// child.c: descriptors end up at the numbers that were asked for, however these and their present ones overlap.

import CIPCShim
import Glibc
import Testing

@Suite(.timeLimit(.minutes(5))) struct PlacementTests {
  /// What a child has: number and source, where a source is the parent's number.
  struct Case: CustomTestStringConvertible, Codable {
    let testDescription: String
    let placed: [Int32: Int32]
  }

  // Sources are 50 to 59 (and 0), which each lead to a file of their own.
  @Test(arguments: [
    Case(testDescription: "sparse", placed: [3: 50, 7: 51, 500: 52]),
    Case(testDescription: "stays where it is", placed: [50: 50, 52: 52]),
    Case(testDescription: "exchange", placed: [50: 51, 51: 50]),
    Case(testDescription: "ring", placed: [50: 51, 51: 52, 52: 53, 53: 50]),
    Case(testDescription: "chain up", placed: [51: 50, 52: 51, 53: 52]),
    Case(testDescription: "chain down", placed: [50: 51, 51: 52, 52: 53]),
    Case(testDescription: "one at several", placed: [4: 50, 50: 50, 51: 50, 600: 50]),
    Case(testDescription: "onto a standard stream", placed: [0: 50, 2: 51, 9: 0]),
    Case(
      testDescription: "all that are free", placed: [Int32: Int32](uniqueKeysWithValues: (3..<50).map { ($0, 50) })),
    Case(
      testDescription: "backwards",
      placed: [Int32: Int32](uniqueKeysWithValues: (50..<60).map { ($0, 109 - $0) })),
    Case(testDescription: "the highest", placed: [1023: 50]),
  ])
  func eachIsWhereItWasAskedFor(_ test: Case) async {
    await #expect(processExitsWith: .success) { [test] in
      let directory = try prepareSources()
      var (soft, hard): (UInt64, UInt64) = (0, 0)
      // The shim writes two integers.
      #expect(unsafe ipc_descriptor_limit(&soft, &hard) == 0)
      #expect(ipc_set_descriptor_limit(1024, hard) == 0)
      // Strays in every gap, not close-on-exec.
      for number in [30, 45, 60, 100, 300, 501, 700] as [Int32] { dup2(0, number) }
      for terminal in [-1, ipc_open_terminal(80, 24)] {
        let expected = test.placed.mapValues { linkTarget("/proc/self/fd/\($0)") }
        let child = try start(["/bin/sleep", "1000"], terminal: terminal, output: 1, placed: test.placed)
        #expect(child.result().0 == 1)
        let numbers = Set([0, 1, 2]).union(test.placed.keys)
        var found = targets(of: child.pid)
        // A program that has just begun opens the libraries that it needs.
        for _ in 0..<5_000 where Set(found.keys) != numbers {
          usleep(1000)
          found = targets(of: child.pid)
        }
        #expect(Set(found.keys) == numbers)
        for (number, target) in expected { #expect(found[number] == target, "\(number)") }
        #expect(child.end() == [1, SIGKILL])
      }
      removeDirectory(directory)
    }
  }

  @Test func statusPipeGivesWay() async {
    await #expect(processExitsWith: .success) {
      let directory = try prepareSources()
      // Wherever the pipe is, something is placed there.
      let placed = [Int32: Int32](uniqueKeysWithValues: (3..<200).map { ($0, 50) })
      let missing = try run(["/nonexistent"], placed: placed)
      #expect(missing.failed == Failed(step: Int32(IPC_SPAWN_EXECUTE.rawValue), error: ENOENT))
      #expect(try run(["/bin/true"], placed: placed).exit == [0, 0])
      removeDirectory(directory)
    }
  }

  @Test func numberBeyondTheLimitAndNoRoomForCopiesAreTold() async {
    await #expect(processExitsWith: .success) {
      let directory = try prepareSources()
      var (soft, hard): (UInt64, UInt64) = (0, 0)
      // The shim writes two integers.
      #expect(unsafe ipc_descriptor_limit(&soft, &hard) == 0)
      let step = Int32(IPC_SPAWN_DESCRIPTORS.rawValue)
      #expect(ipc_set_descriptor_limit(100, hard) == 0)
      #expect(try run(["/bin/true"], placed: [100: 50]).failed == Failed(step: step, error: EBADF))
      // Each needs another number for a moment.
      let exchange = [50: 51, 51: 50] as [Int32: Int32]
      #expect(try run(["/bin/true"], placed: exchange).failed == nil)
      var numbers: [Int32] = []
      while case let number = dup(0), number >= 0 { numbers.append(number) }
      // Room for a pipe to read from, the status pipe and the pidfd. In the child the last of them is free.
      for number in numbers.suffix(5) { close(number) }
      #expect(try run(["/bin/true"], placed: exchange).failed == Failed(step: step, error: EMFILE))
      #expect(try run(["/bin/true"], placed: [51: 50]).failed == nil)
      #expect(ipc_set_descriptor_limit(soft, hard) == 0)
      removeDirectory(directory)
    }
  }
}

/// Files of their own at 50 to 59, close-on-exec, in a directory that is unlinked at the end of a test.
private func prepareSources() throws -> String {
  let directory = try makeDirectory()
  for number in 50..<60 as Range<Int32> {
    let file = unsafe open("\(directory)/\(number)", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    try #require(file >= 0)
    if file != number {
      dup2(file, number)
      close(file)
    }
    #expect(ipc_set_close_on_exec(number, 1) == 0)
    unsafe _ = unlink("\(directory)/\(number)")
  }
  return directory
}

/// What each of a process's descriptors leads to.
private func targets(of process: pid_t) -> [Int32: String] {
  var found: [Int32: String] = [:]
  for number in 0..<1100 as Range<Int32> { found[number] = linkTarget("/proc/\(process)/fd/\(number)") }
  return found
}

/// readlink(2); nil when there is no such link.
private func linkTarget(_ path: String) -> String? {
  var buffer = [CChar](repeating: 0, count: 4096)
  // readlink writes at most as many bytes as it is told.
  let length = unsafe readlink(path, &buffer, buffer.count)
  return length < 0 ? nil : String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
