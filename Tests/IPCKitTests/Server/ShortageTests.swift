// A process without a descriptor left, for a while and again: it does not spin, those who are in are served, who comes hears
// an end or is served later, and each episode is reported once.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5)), .unlessForkedLoopsAreDeaf) struct ShortageTests {
  @Test func withoutAnyRoomItRestsForAsLongAsItTakesAndReportsEachEpisodeOnce() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        let (path, failures) = (directory("s"), Log<Int32>())
        let (isHeld, isFree) = ([Flag(), Flag()], [Flag(), Flag()])
        var setup = Setup()
        setup.observe = { if case .acceptFailed(let error) = $0 { failures.append(error.errno) } }
        let answerer = Answerer(
          ReplyHandler { frame, reply in
            reply.writeLine(frame)
            // Holds the loop, so that clients come to the door before it is looked at.
            guard let episode = Int(text(frame) ?? "") else { return }
            isHeld[episode].set()
            try isFree[episode].wait()
          })
        try serveQuietly(path, setup, by: answerer) { service in
          let before = try DescriptorLimit.current()
          for episode in 0..<2 {
            let insider = try Peer(path)
            quiet.expect(try insider.ask("let in"), is: "let in")
            try insider.client.send("\(episode)\n")
            try isHeld[episode].wait()
            let outsiders = try (0..<5).map { _ in try Peer(path) }
            var lowered = before
            // Below the reserve too: those at the door can neither be let in nor turned away.
            lowered.soft = 3
            try lowered.apply()
            isFree[episode].set()
            quiet.expect(try insider.client.line(), is: "\(episode)")
            try eventually { failures.entries.count == episode + 1 }
            let used = processTime()
            usleep(300_000)
            let share = (processTime() - used) / 0.3
            quiet.expect(share < 0.2, "used \(share) of a processor")
            for _ in 0..<50 { quiet.expect(try insider.ask("meanwhile"), is: "meanwhile") }
            try before.apply()
            for peer in outsiders { quiet.expect(try peer.ask("at last"), is: "at last") }
            quiet.expect(failures.entries, is: Array(repeating: EMFILE, count: episode + 1))
          }
          quiet.expect(service.counters.refused(for: .noDescriptors), is: 0)
          quiet.expect(service.counters.failed, is: 0)
        }
      }
    }
  }

  /// Answers each line, and holds the loop after `hold`, so that clients come to the door before it is looked at.
  private static func holder(_ isHeld: Flag, until isFree: Flag) -> Answerer {
    Answerer(
      ReplyHandler { frame, reply in
        reply.writeLine(frame)
        guard text(frame) == "hold" else { return }
        isHeld.set()
        try isFree.wait()
      })
  }

  @Test func reserveThatWasLostIsMadeAgainOnceThereIsRoom() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        let path = directory("s")
        let (isHeld, isFree) = (Flag(), Flag())
        let answerer = Self.holder(isHeld, until: isFree)
        try serveQuietly(path, by: answerer) { service in
          let before = try DescriptorLimit.current()
          let insider = try Peer(path)
          try insider.client.send("hold\n")
          try isHeld.wait()
          let outsider = try Peer(path)
          var lowered = before
          lowered.soft = 3
          try lowered.apply()
          isFree.set()
          quiet.expect(try insider.client.line(), is: "hold")
          // Whether the accepting has been tried by now: what the insider hears next comes after it.
          for _ in 0..<3 { quiet.expect(try insider.ask("meanwhile"), is: "meanwhile") }
          try before.apply()
          quiet.expect(try outsider.ask("at last"), is: "at last")
          // The next shortage leaves one number, which is the client's own: it hears an end, as in the first one.
          lowered.soft = UInt64(lowestFreeDescriptor()) + 1
          try lowered.apply()
          let late = try Peer(path)
          let ended = failure { _ = try late.client.reader.nextLine(as: String.self, deadline: .after(.seconds(30))) }
          try before.apply()
          quiet.expect(ended == nil, "the late one was left in silence: \(ended.map { "\($0)" } ?? "")")
          // Counted a moment after the client has seen the end.
          try eventually { service.counters.refused(for: .noDescriptors) == 1 }
          withExtendedLifetime((insider, outsider)) {}
        }
      }
    }
  }

  @Test func whoWaitsIsLetInOnceThereIsRoom() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        let path = directory("s")
        let (isHeld, isFree) = (Flag(), Flag())
        let before = try DescriptorLimit.current()
        var setup = Setup()
        // Room comes in the very moment in which it is missed.
        setup.observe = { if case .acceptFailed = $0 { try? before.apply() } }
        let answerer = Self.holder(isHeld, until: isFree)
        try serveQuietly(path, setup, by: answerer) { service in
          let insider = try Peer(path)
          try insider.client.send("hold\n")
          try isHeld.wait()
          let outsiders = try (0..<4).map { _ in try Peer(path) }
          var lowered = before
          lowered.soft = UInt64(lowestFreeDescriptor())
          try lowered.apply()
          isFree.set()
          quiet.expect(try insider.client.line(), is: "hold")
          // The one for whom it was missed hears an end, and the others are let in.
          quiet.expect(try outsiders[0].client.reader.nextLine(as: String.self, deadline: .after(.seconds(60))) == nil)
          for peer in outsiders[1...] { quiet.expect(try peer.ask("at last"), is: "at last") }
          quiet.expect(service.counters.refused(for: .noDescriptors), is: 1)
        }
      }
    }
  }

  @Test func withTheReserveWhoComesHearsAnEnd() async {
    await #expect(processExitsWith: .success) { try Self.turnsAway(.reply) }
    await #expect(processExitsWith: .success) { try Self.turnsAway(.task) }
  }

  private static func turnsAway(_ kind: HandlerKind) throws {
    try inQuietProcess { quiet in
      let directory = try TemporaryDirectory()
      let (path, events) = (directory("s"), Log<String>())
      var setup = Setup()
      setup.observe = { events.append(describe($0)) }
      try serveQuietly(path, setup, by: .commands(kind)) { service in
        let before = try DescriptorLimit.current()
        for episode in 1...2 {
          // Whoever is still about to leave would make room.
          try eventually { service.counters.open == 0 }
          let insider = try Peer(path)
          quiet.expect(try insider.ask("let in"), is: "let in")
          // One number is left, which is the client's own.
          var lowered = before
          lowered.soft = UInt64(lowestFreeDescriptor()) + 1
          try lowered.apply()
          for number in 1...3 {
            let outsider = try Peer(path)
            quiet.expect(try outsider.client.rest(), is: [])
            // Counted a moment after the client has seen the end.
            try eventually { service.counters.refused(for: .noDescriptors) == 3 * (episode - 1) + number }
            quiet.expect(try insider.ask("meanwhile"), is: "meanwhile")
          }
          try before.apply()
          let late = try Peer(path)
          quiet.expect(try late.ask("late"), is: "late")
          withExtendedLifetime(insider) {}
        }
        quiet.expect(service.counters.failed, is: 0)
      }
      quiet.expect(events.entries.count { $0.hasPrefix("accept failed") }, is: 2)
      quiet.expect(events.entries.count { $0 == "refused noDescriptors ?" }, is: 6)
    }
  }
}

/// The processor time that this process has used, in seconds.
private func processTime() -> Double {
  var time = timespec()
  // clock_gettime fills the structure.
  unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
