// A loop beside other executors: the caller's task goes to it and comes back, whatever happens there.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct EventLoopThreadTests {
  @Test func bodyAndItsChildTasksRunOnTheLoopUntilItReturns() async throws {
    let (loop, current) = try await EventLoop.withThread { loop in
      var current = [loop.isCurrent]
      async let child = loop.isCurrent
      await loop.sleep(until: .after(.milliseconds(1)))
      current.append(loop.isCurrent)
      current.append(await child)
      return (loop, current)
    }
    #expect(current == [true, true, true])
    #expect(!loop.isCurrent)
  }

  @Test func taskIsTheSame() async throws {
    enum Local { @TaskLocal static var value = 0 }
    let value = try await Local.$value.withValue(7) {
      try await EventLoop.withThread { _ in Local.value }
    }
    #expect(value == 7)
  }

  @Test func whatTheBodyThrowsIsThrown() async {
    await #expect(throws: HandlerFailed.self) {
      try await EventLoop.withThread { loop in
        await loop.sleep(until: .after(.milliseconds(1)))
        throw HandlerFailed()
      }
    }
  }

  @Test func cancellationEndsAServer() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let task = Task {
      try await EventLoop.withThread { loop in
        let server = Server(try UnixListener(binding: .path(path)), on: loop)
        try await server.run(replying: ReplyHandler { line, reply in reply.writeLine(line) })
      }
    }
    try await onOwnThread {
      try eventually { isListening(path) }
      let client = try UnixStream(connectingTo: .path(path), deadline: .after(.seconds(60)))
      var reader = BufferedReader(client.descriptor)
      try reader.descriptor.writeAll("hello\n")
      let line = try reader.nextLine(as: String.self, deadline: .after(.seconds(60)))
      #expect(line == "hello")
    }
    task.cancel()
    _ = await task.result
    #expect(entries(of: directory.path) == ["s.lock"])
  }

  @Test func actorsGoToTheLoopToo() async throws {
    actor Caller {
      var count = 0
      func ask() async throws -> Bool {
        try await EventLoop.withThread { loop in
          await self.add()
          return loop.isCurrent
        }
      }
      func add() { count += 1 }
    }
    #expect(try await Caller().ask())
    let task = Task { @MainActor in try await EventLoop.withThread { $0.isCurrent } }
    #expect(try await task.value)
  }

  @Test(arguments: [false, true]) func nobodyHoldsTheLoopWhenItReturns(isCancelled: Bool) async throws {
    final class Holder: @unchecked Sendable { weak var loop: EventLoop? }
    for _ in 0..<200 {
      let holder = Holder()
      let task = Task {
        try await EventLoop.withThread { holder.loop = $0 }
        return holder.loop == nil
      }
      if isCancelled { task.cancel() }
      #expect(try await task.value)
    }
  }

  @Test func itsDescriptorsAreTheCallers() async throws {
    DescriptorOrigin.isRecording = true
    // By its line: tests beside this one have loops as well, where they share the process.
    let line: UInt32 = #line + 1
    let origins = try await EventLoop.withThread { _ in
      try DescriptorCensus().descriptors.compactMap { $0.origin?.description }
    }
    #expect(origins.filter { $0.hasSuffix("EventLoop+ThreadTests.swift:\(line)") }.count == 2, "\(origins)")
  }

  @Test func severalAtOnce() async throws {
    let sum = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 1...8 {
        group.addTask {
          try await EventLoop.withThread { loop in
            await loop.sleep(until: .after(.milliseconds(1)))
            return number
          }
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(sum == 36)
  }
}
