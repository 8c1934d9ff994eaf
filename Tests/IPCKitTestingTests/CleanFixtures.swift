// Tests that open much and leave nothing, each the first in its process to use what it uses. For other tests to look at.

import Dispatch
import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.fixture, .leakFree) struct FixtureClean {
  @Test func thousands() throws {
    for _ in 0..<3000 {
      let pipe = try Pipe()
      let pair = try SocketPair()
      try pipe.reading.close()
      try pair.left.close()
    }
  }

  @Test func sleepingTasks() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<500 {
        group.addTask {
          let pipe = try Pipe()
          try await Task.sleep(for: .milliseconds(1))
          try await Task.sleep(for: .milliseconds(1), clock: .suspending)
          try pipe.reading.close()
        }
      }
      try await group.waitForAll()
    }
  }

  @Test func timers() async {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(1)) { continuation.resume() }
    }
    await withCheckedContinuation { continuation in
      DispatchQueue.global().asyncAfter(wallDeadline: .now() + .milliseconds(1)) { continuation.resume() }
    }
  }

  @Test func children() throws {
    for _ in 0..<20 {
      let pipe = try Pipe()
      let command = Command(arguments: ["sh", "-c", "echo hello"], environment: .inherited)
      _ = try DetachedProcess(command, output: pipe.writing).exit()
    }
  }

  @Test func aChildThatKeepsNothing() throws {
    _ = try DetachedProcess(Command(arguments: ["sleep", "3"], environment: .inherited), with: ChildDescriptors())
  }

  @Test func programsInheritNothingOfTheTests() throws {
    let passed = try DescriptorCensus().descriptors.filter { $0.number > 2 && !$0.isCloseOnExec }
    #expect(passed.isEmpty)
  }

  @Test func exitTest() async {
    await #expect(processExitsWith: .exitCode(3)) { exit(3) }
  }

  @Test func closedLaterByAnotherThread() throws {
    let pipe = try Pipe()
    let number = pipe.reading.release()
    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(300)) { close(number) }
  }

  @Test func aServer() async throws {
    let address = UnixAddress.abstract("ipckit-leakfree-\(getpid())")
    let loop = try EventLoop()
    let answers = try await onOwnThread {
      loop.run { await Self.serve(address, on: loop) }
    }
    #expect(answers == 50)
  }

  nonisolated(nonsending) private static func echo(_ connection: consuming Connection) async throws {
    var connection = connection
    while let line = try await connection.nextLine(as: [UInt8].self) {
      try await connection.write(line + [UInt8(ascii: "\n")])
    }
  }

  private static func serve(_ address: UnixAddress, on loop: EventLoop) async -> Int {
    let server = Task.immediate(executorPreference: loop) {
      let server = Server(try UnixListener(binding: address), on: loop)
      try await server.run(Self.echo)
    }
    let answers = try? await onOwnThread {
      (0..<50).filter { number in
        guard let stream = try? UnixStream(connectingTo: address, deadline: .after(.seconds(60))) else { return false }
        try? stream.descriptor.writeAll("\(number)\n")
        var reader = BufferedReader(stream.descriptor)
        return (try? reader.nextLine(as: String.self, deadline: .after(.seconds(60)))) == "\(number)"
      }.count
    }
    server.cancel()
    try? await server.value
    return answers ?? 0
  }
}
