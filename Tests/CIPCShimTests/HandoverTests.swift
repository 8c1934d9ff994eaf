// handover.c: children that copy no table have what others have, whatever else happens, and the way is free after them.

import CIPCShim
import Glibc
import Testing

@Suite(.timeLimit(.minutes(5))) struct HandoverTests {
  private static let list = ["/bin/ls", "/proc/self/fd"]

  @Test(arguments: [true, false]) func childHasThreeDescriptorsAndNothingElse(isHandedOver: Bool) async {
    await #expect(processExitsWith: .success) { [isHandedOver] in
      try keepChildrenWaiting()
      let way = try Way()
      let terminal = ipc_open_terminal(80, 24)
      var wasHandedOver = false
      for _ in 0..<20 {
        let said = try run(HandoverTests.list, terminal: terminal, way: isHandedOver ? way : nil)
        // The fourth is the directory that ls reads.
        #expect(said.text == "0  1  2  3\r\n" && said.exit == [0, 0])
        wasHandedOver = wasHandedOver || said.wasHandedOver
      }
      #expect(wasHandedOver == isHandedOver)
      #expect(!way.isTaken && way.isEmpty)
    }
  }

  @Test func childCopiesNothingAtItsBirth() async {
    await #expect(processExitsWith: .success) {
      try keepChildrenWaiting()
      let way = try Way()
      var isShared = false
      let started = try way.startWaiting(["/bin/true"], terminal: ipc_open_terminal(80, 24)) { started in
        // What this process opens now is the child's too.
        let numbers = [dup(0), dup(0), dup(0)]
        isShared = numbers.allSatisfy { unsafe access("/proc/\(started.pid)/fd/\($0)", F_OK) == 0 }
        numbers.forEach { closeAll($0) }
      }
      #expect(isShared)
      #expect(started.reap() == [0, 0])
      started.finish()
    }
  }

  @Test func whoFindsTheWayTakenGetsACopy() async {
    await #expect(processExitsWith: .success) {
      let way = try Way()
      let terminal = ipc_open_terminal(80, 24)
      // Another's, which does not come by itself.
      unsafe way.handover.pointee.claim = 1
      for _ in 0..<20 {
        #expect(try run(HandoverTests.list, terminal: terminal, way: way).text == "0  1  2  3\r\n")
        #expect(way.claim == 1 && way.isEmpty)
      }
    }
  }

  @Test func childThatIsKilledAtOnceLeavesTheWayFree() async {
    await #expect(processExitsWith: .success) {
      try keepChildrenWaiting()
      let way = try Way()
      let terminal = ipc_open_terminal(80, 24)
      for _ in 0..<50 {
        let started = try way.startWaiting(["/bin/cat"], terminal: terminal) { started in
          #expect(ipc_pidfd_signal(started.pidfd, SIGKILL) == 0)
        }
        #expect(ipc_poll(started.pidfd, IPC_READABLE, 20_000_000_000) > 0)
        // What is on its way keeps the pipe open. Rarely has the child got as far as receiving it.
        #expect((ipc_poll(started.status, IPC_READABLE, 0) == 0) == !way.isEmpty)
        #expect(started.isPending)
        #expect(started.result(within: 0).0 == 1)
        #expect(!started.isPending)
        #expect(started.reap() == [1, SIGKILL])
        started.finish()
        #expect(!way.isTaken && way.isEmpty)
      }
      #expect(try run(HandoverTests.list, terminal: terminal, way: way).text == "0  1  2  3\r\n")
    }
  }

  @Test func childThatNobodyLookedAtLeavesTheWayFree() async {
    await #expect(processExitsWith: .success) {
      try keepChildrenWaiting()
      let way = try Way()
      let started = try way.startWaiting(["/bin/cat"], terminal: ipc_open_terminal(80, 24)) { started in
        #expect(ipc_pidfd_signal(started.pidfd, SIGKILL) == 0)
      }
      #expect(started.end() == [1, SIGKILL])
      #expect(!way.isTaken && way.isEmpty)
    }
  }

  @Test func childThatCannotTakeThemOverSaysSo() async {
    await #expect(processExitsWith: .success) {
      try keepChildrenWaiting()
      let way = try Way()
      let started = try way.startWaiting(["/bin/cat"], terminal: ipc_open_terminal(80, 24)) { started in
        try leaveNoRoom(in: started.pid)
      }
      #expect(ipc_poll(started.pidfd, IPC_READABLE, 20_000_000_000) > 0)
      let (result, failure) = started.result()
      #expect(result == 0 && failure == Failed(step: Int32(IPC_SPAWN_DESCRIPTORS.rawValue), error: EMFILE))
      #expect(started.reap() == [0, 127])
      started.finish()
      #expect(!way.isTaken && way.isEmpty)
    }
  }

  @Test func withoutANumberForTheChildNothingIsLeft() async {
    await #expect(processExitsWith: .success) {
      let way = try Way()
      let terminal = ipc_open_terminal(80, 24)
      var (soft, hard): (UInt64, UInt64) = (0, 0)
      // The shim writes two integers.
      #expect(unsafe ipc_descriptor_limit(&soft, &hard) == 0)
      let before = openNumbers().count
      var refused = 0
      for _ in 0..<100 {
        let next = dup(0)
        close(next)
        // Two numbers for the pipe, and none for the child.
        #expect(ipc_set_descriptor_limit(UInt64(next) + 2, hard) == 0)
        do { #expect(try start(["/bin/true"], terminal: terminal, way: way).end() != nil) } catch {
          #expect(error as? NoChild == NoChild(error: EMFILE))
          refused += 1
        }
        #expect(ipc_set_descriptor_limit(soft, hard) == 0)
        #expect(!way.isTaken && way.isEmpty)
      }
      // The runtime may have closed or opened one or another of its own.
      #expect(refused > 50 && openNumbers().count < before + 10)
      #expect(try run(HandoverTests.list, terminal: terminal, way: way).text == "0  1  2  3\r\n")
    }
  }

  @Test func failedStepIsNamedAndNothingIsLeft() async {
    await #expect(processExitsWith: .success) {
      try keepChildrenWaiting()
      let way = try Way()
      let terminal = ipc_open_terminal(80, 24)
      let before = openNumbers().count
      var handedOver = 0
      for _ in 0..<100 {
        let missing = try run(["/nonexistent"], terminal: terminal, way: way)
        #expect(missing.failed == Failed(step: Int32(IPC_SPAWN_EXECUTE.rawValue), error: ENOENT))
        let nowhere = try run(["/bin/true"], directories: ["/nonexistent"], terminal: terminal, way: way)
        #expect(nowhere.failed == Failed(step: Int32(IPC_SPAWN_DIRECTORY.rawValue), error: ENOENT))
        handedOver += (missing.wasHandedOver ? 1 : 0) + (nowhere.wasHandedOver ? 1 : 0)
      }
      #expect(handedOver > 0)
      #expect(!way.isTaken && way.isEmpty)
      // The runtime may have opened one or another of its own.
      #expect(openNumbers().count < before + 10)
    }
  }

  @Test func streamsThatAreClosedMeanwhileAreNoTrap() async {
    await #expect(processExitsWith: .success) {
      try keepChildrenWaiting()
      let way = try Way()
      let terminal = ipc_open_terminal(80, 24)
      let kept = [dup(0), dup(1), dup(2)]
      let reopen = { for (number, copy) in kept.enumerated() { dup2(copy, Int32(number)) } }
      let started = try way.startWaiting(["/nonexistent"], terminal: terminal, undo: reopen) { _ in
        // The child shares the table still: what it takes gets these numbers.
        closeAll(0, 1, 2)
      }
      let (result, failure) = started.result()
      reopen()
      #expect(result == 0 && failure == Failed(step: Int32(IPC_SPAWN_EXECUTE.rawValue), error: ENOENT))
      #expect(started.reap() == [0, 127])
      started.finish()
    }
  }

  /// Who begins with a copy all the same.
  enum Copying: String, CaseIterable, Codable {
    case processWithFewDescriptors, processThatIsNotTheMaker, childWithoutTerminal, childWithMoreThanItsTerminal
  }

  @Test(arguments: Copying.allCases) func othersCopy(who: Copying) async {
    await #expect(processExitsWith: .success) { [who] in
      try keepChildrenWaiting()
      let way = try Way(crowd: who == .processWithFewDescriptors ? 0 : 200)
      if who == .processThatIsNotTheMaker { unsafe way.handover.pointee.process = 1 }
      let terminal = who == .childWithoutTerminal ? -1 : ipc_open_terminal(80, 24)
      let hasMore = who == .childWithMoreThanItsTerminal
      for _ in 0..<20 {
        let said = try run(HandoverTests.list, terminal: terminal, placed: hasMore ? [9: 0] : [:], way: way)
        #expect(!said.wasHandedOver && said.exit == [0, 0])
        #expect(said.text.split(whereSeparator: \.isWhitespace) == ["0", "1", "2", "3"] + (hasMore ? ["9"] : []))
      }
    }
  }

  @Test func manyThreadsAtOnceGetTheirOwn() async {
    await #expect(processExitsWith: .success) {
      let way = try Way()
      let before = openNumbers().count
      await withTaskGroup { group in
        for thread in 0..<4 {
          group.addTask {
            for round in 0..<100 {
              let terminal = ipc_open_terminal(80, 24)
              let text = "\(thread) \(round)"
              let said = try? run(["/bin/echo", text], terminal: terminal, way: way)
              #expect(said?.text == text + "\r\n" && said?.exit == [0, 0])
              close(terminal)
            }
          }
        }
      }
      #expect(!way.isTaken && way.isEmpty)
      #expect(openNumbers().count < before + 20)
    }
  }
}

/// The numbers that are open, but for very high ones.
private func openNumbers() -> [Int32] { (0..<2000).filter { ipc_is_close_on_exec($0) != -EBADF } }
