// The loop's table under thousands of places at once: it grows while others wait in it, and each event finds its own.

import Glibc
import IPCKit
import Testing

@Suite(.timeLimit(.minutes(5))) struct SlotTableTests {
  /// An array cannot hold a noncopyable value, a class can; used by tasks of one loop.
  private final class Box: @unchecked Sendable {
    let source: EventSource
    let other: FileDescriptor

    init(on loop: EventLoop) throws {
      let pair = try socketPair()
      source = try EventSource(pair.left, on: loop)
      other = pair.right
    }
  }

  @Test func hundredsOfSourcesEachHearTheirOwn() async throws {
    try await withLoop { loop in
      let (heard, count) = (Log<Int>(), 400)
      var boxes: [Box] = []
      var tasks: [Task<Void, any Error>] = []
      // The first ones wait before the table grows for the later ones.
      for number in 0..<count {
        let box = try Box(on: loop)
        boxes.append(box)
        tasks.append(
          Task.immediate(executorPreference: loop) {
            try await box.source.readable(deadline: .after(.seconds(60)))
            heard.append(number)
            let got = try readOnce(box.source.descriptor, 16)
            #expect(got == Array("\(number)".utf8))
          })
      }
      for number in stride(from: count - 1, through: 0, by: -1) {
        try boxes[number].other.writeAll("\(number)")
        if number.isMultiple(of: 50) { await loop.sleep(until: .after(.microseconds(10))) }
      }
      for task in tasks { try await task.value }
      #expect(heard.entries.sorted() == Array(0..<count))
    }
  }

  @Test func sourcesComeAndGoWhileThousandsSleep() async throws {
    try await withLoop { loop in
      let mayWake = Flag()
      let sleepers = (0..<5000).map { number in
        Task.immediate(executorPreference: loop) {
          // Deadlines in no order, all long after the test, so that it is the cancellation that ends them.
          await loop.sleep(until: .after(.seconds(600 + number * 7919 % 5000)))
          #expect(mayWake.isSet)
        }
      }
      for round in 0..<50 {
        let boxes = try (0..<20).map { _ in try Box(on: loop) }
        for (number, box) in boxes.enumerated() where number.isMultiple(of: round % 3 + 1) {
          try box.other.writeAll("x")
          try await box.source.readable(deadline: .after(.seconds(60)))
        }
      }
      mayWake.set()
      for sleeper in sleepers { sleeper.cancel() }
      for sleeper in sleepers { await sleeper.value }
    }
  }

  @Test func sleepsThatBeginInAGrownTableEndInTheirOrder() async throws {
    let order = try await withLoop { loop in
      let log = Log<Int>()
      let start = Deadline.after(.milliseconds(200)).nanoseconds
      let tasks = (0..<3000).map { number in
        Task.immediate(executorPreference: loop) {
          // A number that is coprime to the count visits every moment once.
          let moment = number * 1009 % 3000
          await loop.sleep(until: Deadline(nanoseconds: start + Int64(moment) * 10_000))
          log.append(moment)
        }
      }
      for task in tasks { await task.value }
      return log.entries
    }
    #expect(order == Array(0..<3000))
  }
}
