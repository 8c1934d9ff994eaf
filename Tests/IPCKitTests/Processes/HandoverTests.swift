// Programs that a process with many descriptors starts through a handover, and what the handover itself leaves.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct HandoverTests {
  @Test func twoDescriptorsThatEndWithIt() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        try quiet.expectNothingLeftOpen(needing: 2) { _ = try Handover() }
      }
    }
  }

  @Test func manyStartAtOnceWithoutGettingEachOthersDescriptors() async {
    await #expect(processExitsWith: .success) {
      let handover = try Handover()
      for _ in 0..<200 { try #require(dup(0) >= 0) }
      let before = openDescriptors().count
      let texts = try await withLoop { loop in
        try await withThrowingTaskGroup { group in
          for number in 0..<60 {
            group.addTask(executorPreference: loop) {
              let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
              let arguments = ["sh", "-c", "ls /proc/self/fd | wc -l; echo \(number)"]
              let command = Command(arguments: arguments, environment: .inherited)
              let child = try await command.start(
                in: terminal, on: loop, through: handover, deadline: .after(.seconds(60)))
              let text = try await everything(from: terminal)
              #expect(await child.exit() == .exited(0))
              return text
            }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
      }
      #expect(Set(texts) == Set((0..<60).map { "4\r\n\($0)\r\n" }))
      // The runtime may have opened one or another of its own.
      #expect(openDescriptors().count < before + 10)
    }
  }

  @Test func failureAndCancellationLeaveTheWayToOthers() async {
    await #expect(processExitsWith: .success) {
      let handover = try Handover()
      for _ in 0..<200 { try #require(dup(0) >= 0) }
      try await withLoop { loop in
        let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
        for _ in 0..<50 {
          let missing = Command(arguments: ["/nonexistent"], environment: .inherited)
          await #expect(throws: IPCError.self) {
            _ = try await missing.start(in: terminal, on: loop, through: handover)
          }
          let task = Task(executorPreference: loop) {
            let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
            let command = Command(arguments: ["true"], environment: .inherited)
            return try await command.start(in: terminal, on: loop, through: handover).exit()
          }
          startDetachedThread { task.cancel() }
          _ = await task.result
        }
        let last = Command(arguments: ["true"], environment: .inherited)
        let child = try await last.start(in: terminal, on: loop, through: handover, deadline: .after(.seconds(60)))
        #expect(await child.exit() == .exited(0))
      }
      #expect(waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD)
    }
  }
}
