// Telling the manager from a loop: in order, without ever blocking the loop, whatever the manager does. Each test is a
// process of its own, because NOTIFY_SOCKET is the whole process's.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ServiceNotifierTests {
  /// More than a manager's queue takes (net.unix.max_dgram_qlen) unless somebody has raised that.
  private static let many = 1000

  @Test func managerThatDoesNotReadBlocksNoLoopAndOrderIsKept() async {
    await #expect(processExitsWith: .success) {
      let receiver = try ManagerSocket()
      try setVariable("NOTIFY_SOCKET", receiver.address)
      try await withLoop { loop in
        let notifier = ServiceNotifier(on: loop)
        let sent = Log<Int>()
        let tasks = (0..<Self.many).map { number in
          Task.immediate(executorPreference: loop) {
            try await notifier.notify(.status("\(number)"))
            sent.append(number)
          }
        }
        // The queue is full when as many as it takes were sent and the next one is not, while the loop's timers go on.
        var (before, turns) = (-1, 0)
        while before < 1 || before != sent.entries.count || turns < 100 {
          if before != sent.entries.count { turns = 0 }
          before = sent.entries.count
          await loop.sleep(until: .after(.milliseconds(1)))
          turns += 1
        }
        #expect(before < Self.many)
        // A task that is cancelled has still said what it said.
        tasks.last?.cancel()
        for number in 0..<Self.many { #expect(try receiver.summary() == "STATUS=\(number) ") }
        for task in tasks { try await task.value }
        #expect(sent.entries == Array(0..<Self.many))
      }
    }
  }

  @Test func managerHearsOfAServiceWhoseUserMayHaveNoMoreThreads() async {
    await #expect(processExitsWith: .success) {
      let receiver = try ManagerSocket(isAbstract: true)
      try setVariable("NOTIFY_SOCKET", receiver.address)
      try await withLoop { loop in
        let notifier = ServiceNotifier(on: loop)
        try await notifier.notify(.ready)
        #expect(try receiver.summary() == "READY=1 ")
        // Root may always have one more.
        if geteuid() == 0 { #expect(setuid(65534) == 0) }
        let none = rlimit(rlim_cur: 0, rlim_max: 0)
        // Read within the call alone.
        #expect(
          unsafe withUnsafePointer(to: none) { unsafe setrlimit(__rlimit_resource_t(__RLIMIT_NPROC.rawValue), $0) } == 0
        )
        let error = await systemFailure { try await loop.blocking {} }
        #expect(error?.errno == EAGAIN)
        // Time enough for a thread to end between two of them.
        for number in 0..<50 {
          try await notifier.notify(.status("\(number)"))
          #expect(try receiver.summary() == "STATUS=\(number) ")
        }
      }
    }
  }

  @Test func descriptorsAndRemovalsGoInOrderToo() async {
    await #expect(processExitsWith: .success) {
      let receiver = try ManagerSocket()
      try setVariable("NOTIFY_SOCKET", receiver.address)
      try await withLoop { loop in
        let notifier = ServiceNotifier(on: loop)
        let freight = try Freight(3)
        try await notifier.store(freight.descriptors[0], named: "one", isPolled: false)
        try await notifier.store(freight.descriptors, named: "all")
        try await notifier.removeStored(named: "one")
        try await notifier.notify(.stopping, .status("bye"))
        #expect(try receiver.summary() == "FDSTORE=1\nFDNAME=one\nFDPOLL=0 \(freight.names[0])")
        #expect(try receiver.summary() == "FDSTORE=1\nFDNAME=all \(freight.names.joined(separator: " "))")
        #expect(try receiver.summary() == "FDSTOREREMOVE=1\nFDNAME=one ")
        #expect(try receiver.summary() == "STOPPING=1\nSTATUS=bye ")
        // Lent: ours until now, and nobody else's.
        let isHeld = try freight.isHeld(0)
        #expect(isHeld)
        _ = freight.take()
        try freight.untilAllAreGone()
      }
    }
  }

  @Test func barrierWaitsForTheHangupOfThoseBefore() async {
    await #expect(processExitsWith: .success) {
      let receiver = try ManagerSocket()
      try setVariable("NOTIFY_SOCKET", receiver.address)
      try await withLoop { loop in
        let notifier = ServiceNotifier(on: loop)
        let (ready, isOver) = (Flag(), Flag())
        let state = Task.immediate(executorPreference: loop) { try await notifier.notify(.ready) }
        let barrier = Task.immediate(executorPreference: loop) {
          ready.set()
          try await notifier.barrier(deadline: .after(.seconds(60)))
          isOver.set()
        }
        try await state.value
        #expect(ready.isSet)
        #expect(try receiver.summary() == "READY=1 ")
        try await Self.hold(try receiver.next(), while: isOver, on: loop)
        try await barrier.value
      }
    }
  }

  /// Keeps a barrier's pipe for a moment, in which nobody may go on.
  private nonisolated(nonsending) static func hold(
    _ message: consuming Received, while isOver: Flag, on loop: EventLoop
  ) async throws {
    #expect(message.text == "BARRIER=1")
    #expect(message.names.count == 1)
    await loop.sleep(until: .after(.milliseconds(20)))
    #expect(!isOver.isSet)
    _ = message.intoDescriptors()
  }

  @Test func barrierEndsAtItsDeadlineAndByCancellation() async {
    await #expect(processExitsWith: .success) {
      let receiver = try ManagerSocket()
      try setVariable("NOTIFY_SOCKET", receiver.address)
      try await withLoop { loop in
        let notifier = ServiceNotifier(on: loop)
        // Behind more than the manager takes, so that it is not even sent.
        let stuck = (0..<Self.many).map { _ in
          Task.immediate(executorPreference: loop) { try await notifier.notify(.watchdog) }
        }
        #expect(
          await barrierFailure(of: notifier, .after(.milliseconds(20))) == .deadlineExceeded(operation: "barrier"))
        let task = Task.immediate(executorPreference: loop) { await barrierFailure(of: notifier, .never) }
        task.cancel()
        #expect(await task.value == .cancelled)
        for _ in stuck { #expect(try receiver.summary() == "WATCHDOG=1 ") }
        for task in stuck { try await task.value }
        // Both are sent all the same, to nobody who waits.
        for _ in 0..<2 { #expect(try receiver.next().text == "BARRIER=1") }
      }
    }
  }

  @Test func managerThatHasGoneIsAnErrorAndNoneBefore() async {
    await #expect(processExitsWith: .success) {
      let address = try ManagerSocket().address
      try setVariable("NOTIFY_SOCKET", address)
      try await withLoop { loop in
        let notifier = ServiceNotifier(on: loop)
        let pipe = try Pipe()
        #expect(await systemFailure { try await notifier.notify(.ready) }?.errno == ENOENT)
        #expect(await systemFailure { try await notifier.store(pipe.reading, named: "a") }?.errno == ENOENT)
        #expect(await systemFailure { try await notifier.removeStored(named: "a") }?.errno == ENOENT)
        #expect(await systemFailure { try await notifier.barrier() }?.errno == ENOENT)
        #expect(await systemFailure { try await notifier.notify(.status("\n")) }?.errno == EINVAL)
        #expect(await systemFailure { try await notifier.store(pipe.reading, named: "") }?.errno == EINVAL)
      }
    }
  }

  @Test func whatHasNoThreadIsNotSentAndWhatFollowsIs() async {
    await #expect(processExitsWith: .success) {
      let receiver = try ManagerSocket()
      try setVariable("NOTIFY_SOCKET", receiver.address)
      try await withLoop { loop in
        let notifier = ServiceNotifier(on: loop)
        try setDefaultStackSize(1 << 46)
        let none = SystemError(errno: EAGAIN, operation: "pthread_create")
        #expect(await systemFailure { try await notifier.notify(.ready) } == none)
        #expect(await systemFailure { try await notifier.barrier() } == none)
        try setDefaultStackSize(1 << 20)
        try await notifier.notify(.stopping)
        #expect(try receiver.summary() == "STOPPING=1 ")
      }
    }
  }

  @Test func withoutAManagerEverythingReturnsAtOnce() async throws {
    // The tests' own process has none.
    try #require(!ServiceManager().isPresent)
    try await withLoop { loop in
      let notifier = ServiceNotifier(on: loop)
      let pipe = try Pipe()
      try await notifier.notify(.ready)
      try await notifier.store(pipe.reading, named: "a")
      try await notifier.store(DescriptorList(pipe.writing), named: "a")
      try await notifier.removeStored(named: "a")
      try await notifier.barrier()
      await notifier.keepWatchdogFed()
      #expect(await systemFailure { try await notifier.removeStored(named: "") }?.errno == EINVAL)
    }
  }

  @Test func watchdogIsFedUntilItsTaskIsCancelled() async {
    await #expect(processExitsWith: .success) {
      let receiver = try ManagerSocket()
      try setVariable("NOTIFY_SOCKET", receiver.address)
      try setVariable("WATCHDOG_USEC", "40000")
      try await withLoop { loop in
        let notifier = ServiceNotifier(on: loop)
        let start = Deadline.after(.zero)
        let feeding = Task.immediate(executorPreference: loop) { await notifier.keepWatchdogFed() }
        for _ in 0..<5 {
          let message = try await loop.blocking { Result { try receiver.summary() } }.get()
          #expect(message == "WATCHDOG=1 ")
        }
        // At once, and four halves of the interval later; less would be too often.
        #expect(start < Deadline.after(.milliseconds(-79)))
        feeding.cancel()
        await feeding.value
      }
    }
  }

  @Test func watchdogOfAnotherProcessIsNotFed() async {
    await #expect(processExitsWith: .success) {
      let receiver = try ManagerSocket()
      try setVariable("NOTIFY_SOCKET", receiver.address)
      try setVariable("WATCHDOG_USEC", "1000")
      try setVariable("WATCHDOG_PID", "1")
      try await withLoop { loop in await ServiceNotifier(on: loop).keepWatchdogFed() }
      let hasMessage = try receiver.hasMessage()
      #expect(!hasMessage)
    }
  }

  @Test(.unlessForkedLoopsAreDeaf) func nothingIsLeftOpen() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let receiver = try ManagerSocket()
        try setVariable("NOTIFY_SOCKET", receiver.address)
        let freight = try Freight(3)
        let loop = try EventLoop()
        try loop.run {
          let notifier = ServiceNotifier(on: loop)
          try await notifier.notify(.ready)
          try await quiet.expectNothingLeftOpen {
            try await notifier.store(freight.descriptors[0], named: "a")
            try await notifier.store(freight.descriptors, named: "a")
            _ = await barrierFailure(of: notifier, .after(.zero))
            // Sent after the barrier, whose end is closed then.
            try await notifier.notify(.ready)
            while try receiver.hasMessage() {}
          }
        }
      }
    }
  }
}

/// How a barrier ends; nil when it passes.
private nonisolated(nonsending) func barrierFailure(of notifier: ServiceNotifier, _ deadline: Deadline) async
  -> IPCError?
{
  do throws(IPCError) {
    try await notifier.barrier(deadline: deadline)
    return nil
  } catch {
    return error
  }
}
