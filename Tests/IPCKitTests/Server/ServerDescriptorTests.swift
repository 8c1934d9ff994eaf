// What a server holds: nothing once it has ended, and when there is no descriptor left it waits until there is.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5)), .unlessForkedLoopsAreDeaf) struct ServerDescriptorTests {
  @Test func endedServerLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        let path = directory("s")
        try quiet.expectNothingLeftOpen {
          let loop = try EventLoop()
          let error = loop.run {
            await serve(path, on: loop) { (connection: consuming Connection) in
              while let line = try await connection.nextLine(as: [UInt8].self) {
                if line == Array("fail".utf8) { throw HandlerFailed() }
                try await connection.write(line + [UInt8(ascii: "\n")])
              }
            } clients: {
              let clients = try (0..<20).map { _ in try ServerTests.ClientBox(path) }
              for (index, box) in clients.enumerated() {
                try box.client.send(index.isMultiple(of: 3) ? "fail\n" : "hello\n")
                quiet.expect(try box.client.line(), is: index.isMultiple(of: 3) ? nil : "hello")
              }
            }
          }
          quiet.expect(error == nil, "\(String(describing: error))")
        }
        quiet.expect(entries(of: directory.path), is: ["s.lock"])
      }
    }
  }

  @Test func withoutDescriptorsItRestsAndRecovers() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        let path = directory("s")
        let before = try DescriptorLimit.current()
        let failures = Log<SystemError>()
        let loop = try EventLoop()
        try loop.run {
          // All have connected before anyone is accepted, and there is room for three of them beside the reserve.
          let number = try boundSocket(path, backlog: 16).release()
          let clients = try (0..<8).map { _ in try ServerTests.ClientBox(path) }
          var lowered = before
          lowered.soft = numbers(leavingRoomFor: 4)
          try lowered.apply()
          let server = Task.immediate(executorPreference: loop) {
            // Released above, for this task.
            let listener = try UnixListener(inheriting: unsafe FileDescriptor(owning: number))
            // A limit of its own, or the server would reckon with the few descriptors that there are just now.
            var limits = ServerLimits()
            (limits.connections, limits.connectionsPerUser) = (100, 100)
            let server = Server(listener, on: loop, limits: limits) { event in
              if case .acceptFailed(let error) = event { failures.append(error) }
            }
            try await server.run { (connection: consuming Connection) in try await echo(connection) }
          }
          while failures.entries.isEmpty { await loop.sleep(until: .after(.milliseconds(1))) }
          let done = Flag()
          let thread = RunningThread {
            defer { done.set() }
            // Those who are in are served meanwhile, the others hear an end and not silence.
            for (index, box) in clients.enumerated() {
              if index < 3 { try box.client.send("\(index)\n") }
              let expected = index < 3 ? "\(index)" : nil
              guard try box.client.line() == expected else { throw IPCError.endOfFile }
            }
            // Long enough for more attempts, which are not reported again; then there is room.
            usleep(200_000)
            try before.apply()
            for number in 0..<8 {
              let late = try ServerTests.ClientBox(path)
              try late.client.send("\(number)\n")
              guard try late.client.line() == "\(number)" else { throw IPCError.endOfFile }
            }
          }
          while !done.isSet { await loop.sleep(until: .after(.milliseconds(1))) }
          try thread.join()
          server.cancel()
          try await server.value
        }
        quiet.expect(failures.entries.map(\.errno), is: [EMFILE])
      }
    }
  }

  @Test func crowdAtTheDoorDoesNotKeepTheFirstWaiting() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        let path = directory("s")
        let seen = Log<Int>()
        let loop = try EventLoop()
        try loop.run {
          // A plain listener, whose number a task can take over.
          let number = try boundSocket(path, backlog: 300).release()
          let crowd = try (0..<200).map { _ in try ServerTests.ClientBox(path) }
          let before = openDescriptors().count
          let server = Task.immediate(executorPreference: loop) {
            // Released above, for this task.
            let listener = try UnixListener(inheriting: unsafe FileDescriptor(owning: number))
            try await Server(listener, on: loop).run(startingAt: .connection) { (connection: consuming Connection) in
              seen.append(openDescriptors().count - before)
              _ = try await connection.nextLine()
            }
          }
          while seen.entries.count < 200 { await Task.yield() }
          withExtendedLifetime(crowd) {}
          server.cancel()
          try await server.value
        }
        // When the first handler began, not all of the crowd had been accepted.
        quiet.expect((seen.entries.first ?? 200) < 100, "\(seen.entries.first ?? -1)")
      }
    }
  }
}

/// Serves while `clients` run on a thread of their own; the error that either ended in.
private func serve(
  _ path: String, on loop: EventLoop, observe: @escaping @Sendable (Server.Event) -> Void = { _ in },
  handler: @escaping Handler,
  clients: @escaping @Sendable () throws -> Void
) async -> (any Error)? {
  do {
    let server = Task.immediate(executorPreference: loop) {
      let server = Server(try UnixListener(binding: .path(path)), on: loop, observe: observe)
      try await server.run(handler)
    }
    // Joined, and not only awaited: a thread that resumes the loop holds it until it has ended.
    let done = Flag()
    let thread = RunningThread {
      defer { done.set() }
      try clients()
    }
    while !done.isSet { await loop.sleep(until: .after(.milliseconds(1))) }
    try thread.join()
    server.cancel()
    try await server.value
    return nil
  } catch { return error }
}
