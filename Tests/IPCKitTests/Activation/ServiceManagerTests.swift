// What a manager receives, byte for byte and descriptor for descriptor, beside what libsystemd's own functions send
// when a C program calls them. Each test is a process of its own, because NOTIFY_SOCKET is the whole process's.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ServiceManagerTests {
  @Test(arguments: [false, true]) func messagesAreThoseOfLibsystemd(isAbstract: Bool) async {
    await #expect(processExitsWith: .success) { [isAbstract = isAbstract as Bool] in
      let receiver = try ManagerSocket(isAbstract: isAbstract)
      try setVariable("NOTIFY_SOCKET", receiver.address)
      let manager = ServiceManager()
      #expect(manager.isPresent)
      let theirs = try SystemdProgram()
      let samples: [([ServiceState], String)] = [
        ([.ready], "READY=1"),
        ([.ready, .status("two windows = 2, größer")], "READY=1\nSTATUS=two windows = 2, größer"),
        ([.stopping, .errno(2), .busError("org.example.Gone")], "STOPPING=1\nERRNO=2\nBUSERROR=org.example.Gone"),
        ([.exitStatus(3), .mainProcess(4711)], "EXIT_STATUS=3\nMAINPID=4711"),
        ([.extendTimeout(by: .milliseconds(1500))], "EXTEND_TIMEOUT_USEC=1500000"),
        ([.watchdog], "WATCHDOG=1"), ([.watchdogTrigger], "WATCHDOG=trigger"),
        ([.watchdogInterval(.nanoseconds(1_000_001))], "WATCHDOG_USEC=1001"),
        ([.variable("X_EXAMPLE", "")], "X_EXAMPLE="),
        ([.status(String(repeating: "x", count: 4096 - 7))], "STATUS=" + String(repeating: "x", count: 4096 - 7)),
      ]
      for (states, text) in samples {
        try manager.notify(states)
        #expect(try theirs("notify", text, environment: [:]) == "1 0")
        let (ours, expected) = (try receiver.summary(), try receiver.summary())
        #expect(ours == expected)
        #expect(expected == text + " ")
      }
    }
  }

  @Test func reloadingTellsTheMoment() async {
    await #expect(processExitsWith: .success) {
      let receiver = try ManagerSocket()
      try setVariable("NOTIFY_SOCKET", receiver.address)
      let before = monotonicMicroseconds()
      try ServiceManager().notify(.reloading)
      let after = monotonicMicroseconds()
      let text = try receiver.next().text
      let lines = text.split(separator: "\n")
      #expect(lines.count == 2 && lines.first == "RELOADING=1")
      let moment = lines.last?.split(separator: "=").last.flatMap { Int64($0) }
      #expect(lines.last?.hasPrefix("MONOTONIC_USEC=") == true)
      #expect((before...after).contains(moment ?? -1))
    }
  }

  @Test(arguments: [1, 2, 253]) func storedDescriptorsAreThoseOfLibsystemd(count: Int) async {
    await #expect(processExitsWith: .success) { [count = count as Int] in
      let receiver = try ManagerSocket()
      try setVariable("NOTIFY_SOCKET", receiver.address)
      let manager = ServiceManager()
      let theirs = try SystemdProgram()
      let freight = try Freight(count)
      for isPolled in [true, false] {
        let text = "FDSTORE=1\nFDNAME=window 1;a" + (isPolled ? "" : "\nFDPOLL=0")
        if count == 1 {
          try manager.store(freight.descriptors[0], named: "window 1;a", isPolled: isPolled)
        } else {
          try manager.store(freight.descriptors, named: "window 1;a", isPolled: isPolled)
        }
        let ours = try receiver.summary()
        let said = try theirs("store", text, "\(count)", environment: [:], lending: freight.descriptors)
        #expect(said == "1 0")
        #expect(try ours == receiver.summary())
        #expect(ours == "\(text) \(freight.names.joined(separator: " "))")
      }
      // What was lent is still ours, and nobody else's once the messages have gone.
      let isHeld = try freight.isHeld(count - 1)
      #expect(isHeld)
      _ = freight.take()
      try freight.untilAllAreGone()
      try manager.removeStored(named: "window 1;a")
      #expect(try receiver.summary() == "FDSTOREREMOVE=1\nFDNAME=window 1;a ")
    }
  }

  @Test func barrierIsThatOfLibsystemdAndWaitsForTheHangup() async {
    await #expect(processExitsWith: .success) {
      let receiver = try ManagerSocket()
      try setVariable("NOTIFY_SOCKET", receiver.address)
      let isOver = Flag()
      let ours = RunningThread {
        try ServiceManager().barrier(deadline: .after(.seconds(60)))
        isOver.set()
      }
      try releaseBarrier(of: receiver, unless: isOver)
      try ours.join()
      let wait = RunningThread { try SystemdProgram()("barrier", environment: [:]) }
      try releaseBarrier(of: receiver, unless: Flag())
      #expect(try wait.join() == "1 0")
    }
  }

  @Test func barrierEndsAtItsDeadline() async {
    await #expect(processExitsWith: .success) {
      let receiver = try ManagerSocket()
      try setVariable("NOTIFY_SOCKET", receiver.address)
      let ended = ipcFailure { try ServiceManager().barrier(deadline: .after(.milliseconds(20))) }
      #expect(ended == .deadlineExceeded(operation: "barrier"))
      #expect(try receiver.next().text == "BARRIER=1")
    }
  }

  @Test func whatCannotBeSentIsRefusedBeforeAnythingIs() async {
    await #expect(processExitsWith: .success) {
      let receiver = try ManagerSocket()
      try setVariable("NOTIFY_SOCKET", receiver.address)
      let manager = ServiceManager()
      let pipe = try Pipe()
      for state in [
        ServiceState.status("a\nREADY=1"), .status("a\0b"), .busError("\n"), .variable("", "1"), .variable("A=B", "1"),
        .variable("A\nB", "1"),
      ] {
        #expect(systemFailure { try manager.notify(.ready, state) }?.errno == EINVAL)
      }
      for name in ["", "a:b", "a\nb", "\u{7f}", "größer", "\0", String(repeating: "a", count: 256)] {
        #expect(systemFailure { try manager.store(pipe.reading, named: name) }?.errno == EINVAL)
        #expect(systemFailure { try manager.removeStored(named: name) }?.errno == EINVAL)
      }
      #expect(systemFailure { try manager.store(DescriptorList(), named: "a") }?.errno == EINVAL)
      let many = try Freight(254)
      #expect(systemFailure { try manager.store(many.descriptors, named: "a") }?.errno == EINVAL)
      let long = ServiceState.status(String(repeating: "x", count: 4096 - 6))
      #expect(systemFailure { try manager.notify(long) }?.errno == EMSGSIZE)
      try manager.notify()
      let hasMessage = try receiver.hasMessage()
      #expect(!hasMessage)
      try manager.removeStored(named: String(repeating: "a", count: 255))
    }
  }

  @Test(arguments: [nil, ""]) func withoutAManagerNothingHappensAndNothingIsLoaded(address: String?) async {
    await #expect(processExitsWith: .success) { [address = address as String?] in
      // The name is a C string for the length of the call.
      unsafe _ = unsetenv("NOTIFY_SOCKET")
      if let address { try setVariable("NOTIFY_SOCKET", address) }
      try setVariable("FDSTORE", "4")
      let manager = ServiceManager()
      let pipe = try Pipe()
      #expect(!manager.isPresent)
      #expect(manager.storeCapacity == nil)
      try manager.notify(.ready)
      try manager.store(pipe.reading, named: "a")
      try manager.store(DescriptorList(pipe.writing), named: "a")
      try manager.removeStored(named: "a")
      try manager.barrier()
      #expect(systemFailure { try manager.notify(.status("\n")) }?.errno == EINVAL)
      let maps = try contents(of: "/proc/self/maps")
      #expect(!maps.contains("libsystemd"))
    }
  }

  @Test func managerThatHasGoneIsAnError() async {
    await #expect(processExitsWith: .success) {
      let address = try ManagerSocket().address
      try setVariable("NOTIFY_SOCKET", address)
      let manager = ServiceManager()
      let pipe = try Pipe()
      #expect(systemFailure { try manager.notify(.ready) }?.errno == ENOENT)
      #expect(systemFailure { try manager.store(pipe.reading, named: "a") }?.errno == ENOENT)
      #expect(systemFailure { try manager.barrier() }?.errno == ENOENT)
    }
  }

  @Test func nothingIsLeftOpen() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let receiver = try ManagerSocket()
        try setVariable("NOTIFY_SOCKET", receiver.address)
        let manager = ServiceManager()
        let pipe = try Pipe()
        // Loads the library.
        try manager.notify(.ready)
        punchHoles()
        try quiet.expectNothingLeftOpen {
          try manager.store(pipe.reading, named: "a")
          _ = failure { try manager.store(pipe.reading, named: ":") }
          _ = failure { try manager.barrier(deadline: .after(.zero)) }
          for _ in 0..<3 { _ = try receiver.next() }
        }
        // The pipe, and the socket that libsystemd sends from.
        try quiet.expectNothingLeftOpen(needing: 3) {
          try unlessTooLate { try manager.barrier(deadline: .after(.zero)) }
          _ = try? receiver.hasMessage()
        }
      }
    }
  }
}

/// Expects a barrier, and holds its pipe until that was seen to matter.
private func releaseBarrier(of receiver: ManagerSocket, unless isOver: Flag) throws {
  let message = try receiver.next()
  #expect(message.text == "BARRIER=1")
  #expect(message.names.count == 1 && message.names.first?.hasPrefix("pipe:") == true)
  // Time for whoever would not wait.
  usleep(20_000)
  #expect(!isOver.isSet)
}

/// CLOCK_MONOTONIC.
private func monotonicMicroseconds() -> Int64 {
  var now = timespec()
  // clock_gettime fills the structure.
  unsafe clock_gettime(CLOCK_MONOTONIC, &now)
  return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
}

/// Here nobody answers a barrier.
private func unlessTooLate(_ body: () throws -> Void) throws {
  do { try body() } catch IPCError.deadlineExceeded {}
}
