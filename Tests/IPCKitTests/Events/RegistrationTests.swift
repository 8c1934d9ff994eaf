// A registration ends before its descriptor, and what belongs to an ended one reaches nobody.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct RegistrationTests {
  private static let soon = Duration.seconds(60)

  @Test func eventsOfASharedFileWhoseSourceEndedReachNobody() async throws {
    try await withLoop { loop in
      let shared = try Pipe()
      let other = try Pipe()
      // A copy keeps the open file, and with it a forgotten registration, alive.
      let copy = try shared.reading.duplicate()
      func watchAndEnd(_ descriptor: consuming FileDescriptor) throws { _ = try EventSource(descriptor, on: loop) }
      try watchAndEnd(shared.reading.duplicate())
      // Takes the ended one's place in the loop.
      let source = try EventSource(other.reading, on: loop)
      try shared.writing.writeAll("ghost")
      await #expect(throws: IPCError.deadlineExceeded(operation: "read")) {
        try await source.readable(deadline: .after(.milliseconds(10)))
      }
      // And a number that is used again hears of its own file alone.
      let again = try EventSource(copy, on: loop)
      try await again.readable(deadline: .after(Self.soon))
    }
  }

  #if DEBUG
    @Test func numberReplacedBehindItsSourcesBackTraps() async throws {
      let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        try await withLoop { loop in
          let shared = try GhostMaker()
          let other = try Pipe()
          try shared.watchAndLose(to: other.reading, on: loop)
        }
      }
      let said = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
      #expect(said.contains("was closed before its registration ended"))
    }
  #else
    @Test func eventsOfALostRegistrationReachNobody() async {
      await #expect(processExitsWith: .success) {
        try await withLoop { loop in
          let shared = try GhostMaker()
          let other = try Pipe()
          // The kernel still watches the shared file, under the number of a place that somebody else has now.
          try shared.watchAndLose(to: other.reading, on: loop)
          let source = try EventSource(other.reading.duplicate(), on: loop)
          try shared.pipe.writing.writeAll("ghost")
          await #expect(throws: IPCError.deadlineExceeded(operation: "read")) {
            try await source.readable(deadline: .after(.milliseconds(10)))
          }
        }
      }
    }
  #endif

  @Test func endedSourceIsForgottenByTheKernelBeforeItsDescriptorIsClosed() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        // An epoll descriptor that came with the fork is its parent's too, which goes on with it.
        let shared = openDescriptors()
        let loop = try EventLoop()
        let pipe = try Pipe()
        try loop.run {
          func watched() -> Int { watchedDescriptors(besides: shared) }
          let before = watched()
          let copy = try pipe.reading.duplicate()
          let source = try EventSource(pipe.reading.duplicate(), on: loop)
          quiet.expect(watched(), is: before + 1)
          _ = (consume source)
          quiet.expect(watched(), is: before)
          try quiet.expectNothingLeftOpen {
            let detached = try EventSource(copy.duplicate(), on: loop).detach()
            quiet.expect(watched(), is: before)
            quiet.expect(try detached.isNonBlocking)
            // Free to be watched by another loop.
            let other = try EventLoop()
            _ = other
          }
        }
      }
    }
  }

  @Test func whatCannotBeWatchedIsClosed() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        let path = directory("file")
        try writeFile(path, "")
        let loop = try EventLoop()
        loop.run {
          try? quiet.expectNothingLeftOpen {
            let ended = systemFailure { _ = try EventSource(openFile(path, O_RDONLY), on: loop) }
            quiet.expect(ended?.errno, is: EPERM)
          }
        }
      }
    }
  }

  @Test func detachedDescriptorIsWatchedAgain() async throws {
    try await withLoop { loop in
      let pipe = try Pipe()
      var descriptor = Optional(pipe.reading)
      for _ in 0..<10 {
        guard let taken = descriptor.take() else { return }
        let source = try EventSource(taken, on: loop)
        try pipe.writing.writeAll("x")
        try await source.readable(deadline: .after(Self.soon))
        let detached = source.detach()
        #expect(try readOnce(detached, 9) == Array("x".utf8))
        descriptor = consume detached
      }
    }
  }

  @Test func bodyThatEndsFirstIsReturned() async throws {
    try await withLoop { loop in
      let pipe = try Pipe()
      let source = try EventSource(pipe.reading, on: loop)
      for number in 0..<20 {
        let early = await source.untilHangup { number }
        #expect(early == number)
        let late = await source.untilHangup { () -> Int in
          await loop.sleep(until: .after(.microseconds(100)))
          return number
        }
        #expect(late == number)
      }
      _ = pipe.writing
    }
  }

  @Test(arguments: [false, true]) func hangUpCancelsTheBody(socket: Bool) async throws {
    try await withLoop { loop in
      let channel = try channel(throughSocket: socket)
      let source = try EventSource(channel.right, on: loop)
      let (left, cancelled) = (channel.left.release(), Flag())
      let result = await source.untilHangup { () -> Int in
        // Released above, for this body.
        _ = unsafe FileDescriptor(owning: left)
        await loop.sleep(until: .never)
        if Task.isCancelled { cancelled.set() }
        return 1
      }
      #expect(result == nil)
      // Its end was waited for.
      #expect(cancelled.isSet)
    }
  }

  @Test func hangUpThatCameBeforeRunsNothing() async throws {
    try await withLoop { loop in
      let pipe = try Pipe()
      let source = try EventSource(pipe.reading, on: loop)
      try pipe.writing.close()
      try await source.readable(deadline: .after(Self.soon))
      let ran = Flag()
      let result: Void? = await source.untilHangup { ran.set() }
      #expect(result == nil)
      #expect(!ran.isSet)
    }
  }

  @Test func endOfSendingIsNoHangUp() async throws {
    try await withLoop { loop in
      let pair = try socketPair()
      let source = try EventSource(pair.right, on: loop)
      try pair.left.shutdownSending()
      let result = await source.untilHangup { () -> Int in
        await loop.sleep(until: .after(.milliseconds(10)))
        return 1
      }
      #expect(result == 1)
    }
  }

  @Test func cancelledTaskGetsItsBodysEnd() async throws {
    try await withLoop { loop in
      let task = Task(executorPreference: loop) { () -> Int? in
        let pipe = try Pipe()
        let source = try EventSource(pipe.reading, on: loop)
        return await source.untilHangup { () -> Int in
          await loop.sleep(until: .never)
          return Task.isCancelled ? 7 : 8
        }
      }
      await Task.yield()
      startDetachedThread { task.cancel() }
      let ended = try await task.value
      #expect(ended == 7)
    }
  }
}

/// A registration that outlives its source: the number is made another file's, while a copy keeps the first one open.
private final class GhostMaker {
  let pipe: Pipe
  init() throws { pipe = try Pipe() }

  func watchAndLose(to other: borrowing FileDescriptor, on loop: EventLoop) throws {
    let source = try EventSource(pipe.reading.duplicate(), on: loop)
    // The foul play itself.
    unsafe source.descriptor.withUnsafeNumber { number in
      unsafe other.withUnsafeNumber { _ = dup2($0, number) }
    }
  }
}

/// How many descriptors this process's epoll descriptors watch, by the kernel's word; those that were open before do not
/// count.
private func watchedDescriptors(besides shared: [Int32: String]) -> Int {
  let own = openDescriptors().filter { $0.value == "anon_inode:[eventpoll]" && shared[$0.key] == nil }
  return own.keys.reduce(0) { sum, number in
    let lines = (try? contents(of: "/proc/self/fdinfo/\(number)").split(separator: "\n")) ?? []
    return sum + lines.count { $0.hasPrefix("tfd:") }
  }
}
