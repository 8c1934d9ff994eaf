// A server on several loops: where connections go, what holds for all of them together, and how all of it ends.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

/// A value that tasks inherit.
private enum Local { @TaskLocal static var word = "none" }

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ServerLoopsTests {
  private static let loops = 3

  @Test(arguments: HandlerKind.allCases) func connectionsGoWhereThereAreFewest(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    try await withService(at: path, Setup(loops: Self.loops), by: .commands(kind)) { service in
      var peers = try (0..<30).map { _ in try Peer(path) }
      for (number, peer) in peers.enumerated() { #expect(try peer.ask("hello \(number)") == "hello \(number)") }
      #expect(service.counters.openOnEachLoop == [10, 10, 10])
      #expect(service.counters.open == 30 && service.counters.accepted == 30 && service.counters.frames == 30)
      // Who goes makes room where he was: those of the last loop.
      peers = peers.enumerated().filter { $0.offset % 3 < 2 }.map(\.element)
      try eventually { service.counters.open == 20 }
      #expect(service.counters.openOnEachLoop == [10, 10, 0])
      peers += try (0..<10).map { _ in try Peer(path) }
      for peer in peers { #expect(try peer.ask("again") == "again") }
      #expect(service.counters.openOnEachLoop == [10, 10, 10])
    }
  }

  @Test func handlersRunAtTheSameTimeEachOnItsConnectionsLoop() async throws {
    let directory = try TemporaryDirectory()
    let (path, setup) = (directory("s"), Setup(loops: Self.loops))
    let threads = Log<UInt>()
    let answerer = Answerer { (connection: consuming Connection) in
      guard connection.loop.isCurrent, try await connection.nextLine() != nil else { return }
      threads.append(UInt(pthread_self()))
      // Blocks its loop until all of them are here, which no two on one loop would be.
      while threads.entries.count < Self.loops { usleep(500) }
      await connection.loop.sleep(until: .after(.milliseconds(1)))
      try await connection.write("\(connection.loop.isCurrent)\n")
    }
    try await withService(at: path, setup, by: answerer) { service in
      let peers = try (0..<Self.loops).map { _ in try Peer(path) }
      // Who lets them in must not be blocked by the first.
      try eventually { service.counters.open == Self.loops }
      for peer in peers { try peer.client.send("go\n") }
      for peer in peers { #expect(try peer.client.rest() == ["true"]) }
      #expect(Set(threads.entries).count == Self.loops)
    }
  }

  @Test func limitsHoldForAllLoopsTogether() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let setup = Setup(loops: Self.loops) {
      $0.connections = 8
      $0.connectionsPerUser = 5
    }
    try await withService(at: path, setup, by: .commands(.reply)) { service in
      for _ in 0..<3 {
        let peers = try (0..<5).map { _ in try Peer(path) }
        for peer in peers { #expect(try peer.ask("hello") == "hello") }
        #expect(try Peer(path).client.rest() == [])
        #expect(service.counters.open == 5)
        for peer in peers { try peer.client.endSending() }
        for peer in peers { #expect(try peer.client.rest() == []) }
        try eventually { service.counters.open == 0 }
      }
      #expect(service.counters.refused(for: .tooManyOfOneUser) == 3)
    }
  }

  @Test(arguments: HandlerKind.allCases) func stopReachesEveryLoop(kind: HandlerKind) async throws {
    let directory = try TemporaryDirectory()
    let (path, setup) = (directory("s"), Setup(loops: Self.loops))
    try await withService(at: path, setup, by: .commands(kind)) { service in
      let (idle, busy) = (try (0..<6).map { _ in try Peer(path) }, try (0..<6).map { _ in try Peer(path) })
      for peer in idle { #expect(try peer.ask("hello") == "hello") }
      for peer in busy { try peer.client.send("half") }
      try eventually { service.counters.bytesReceived == 6 * 6 + 6 * 4 }
      setup.stop.stop()
      for peer in idle { #expect(try peer.client.rest() == []) }
      for peer in busy { #expect(try peer.ask(" a line") == "half a line") }
      for peer in busy { #expect(try peer.client.rest() == []) }
      #expect(ServerStopTests.endsSoon(service))
      #expect(service.counters.failed == 0)
    }
  }

  @Test func deadlineAndCancellationReachEveryLoop() async throws {
    let directory = try TemporaryDirectory()
    let (path, ended) = (directory("s"), Log<Bool>())
    for deadline in [Duration.milliseconds(20), nil] {
      let setup = Setup(loops: Self.loops)
      let answerer = Answerer { (connection: consuming Connection) in
        _ = try await connection.nextLine()
        try await connection.write("here\n")
        do { while true { try await Task.sleep(for: .milliseconds(5)) } } catch { ended.append(true) }
      }
      try await withService(at: path, setup, by: answerer) { service in
        let peers = try (0..<6).map { _ in try Peer(path) }
        for peer in peers { #expect(try peer.ask("work") == "here") }
        // Otherwise the end of this cancels the server's task.
        guard let deadline else { return }
        setup.stop.stop(deadline: .after(deadline))
        #expect(ServerStopTests.endsSoon(service))
      }
    }
    #expect(ended.entries.count == 12)
  }

  /// What a loop is told after its last turn is held by nobody else, and must not hold the loop.
  @Test(arguments: 0..<loops) func loopThatHasEndedBeforeACancellationIsForgotten(busy: Int) async throws {
    let directory = try TemporaryDirectory()
    let (path, setup) = (directory("s"), Setup(loops: Self.loops))
    try await withService(at: path, setup, by: .commands(.reply)) { service in
      let peers = try (0..<Self.loops).map { _ in try Peer(path) }
      for peer in peers { #expect(try peer.ask("hello") == "hello") }
      try peers[busy].client.send("half")
      try eventually { service.counters.bytesReceived == Self.loops * 6 + 4 }
      setup.stop.stop(deadline: .never)
      for (number, peer) in peers.enumerated() where number != busy { #expect(try peer.client.rest() == []) }
      // Nothing tells that the others' loops have had their last turn. The end of this cancels the server's task.
      usleep(100_000)
    }
  }

  @Test func handlersHaveTheValuesOfTheTaskThatServes() async throws {
    let directory = try TemporaryDirectory()
    let (path, setup) = (directory("s"), Setup(loops: Self.loops))
    try await withLoop { loop in
      let server = Local.$word.withValue("kept") {
        Task.immediate(executorPreference: loop) {
          try await setup.server(try UnixListener(binding: .path(path)), on: loop).run {
            (connection: consuming Connection) in
            _ = try await connection.nextLine()
            try await connection.write("\(Local.word)\n")
          }
        }
      }
      try await onOwnThread {
        let peers = try (0..<Self.loops).map { _ in try Peer(path) }
        for peer in peers { #expect(try peer.ask("what") == "kept") }
      }
      server.cancel()
      try await server.value
    }
  }

  @Test func idleServerEndsOnlyWhenAllLoopsAreIdle() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let setup = Setup(loops: Self.loops) { $0.idleExit = .milliseconds(100) }
    try await withLoop { loop in
      // They are at the door before the server begins to count idle time.
      let number = try boundSocket(path, backlog: 16).release()
      let peers = try (0..<Self.loops).map { _ in try Peer(path) }
      let server = Task.immediate(executorPreference: loop) {
        // Released above, for this task.
        let listener = try UnixListener(inheriting: unsafe FileDescriptor(owning: number))
        try await Answerer.commands(.reply).run(setup.server(listener, on: loop), startingAt: .firstByte)
      }
      try await onOwnThread {
        for peer in peers { #expect(try peer.ask("hello") == "hello") }
        // The last loop's stays for longer than an idle server would.
        for peer in peers.dropLast() { try peer.client.endSending() }
        for peer in peers.dropLast() { #expect(try peer.client.rest() == []) }
        usleep(300_000)
        #expect(try peers[Self.loops - 1].ask("still here") == "still here")
        try peers[Self.loops - 1].client.endSending()
      }
      try await server.value
    }
  }

  @Test func manyComeAndGoOnAllLoopsAndNothingIsLeft() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let path = directory("s")
      let before = openDescriptors().count
      for kind in HandlerKind.allCases {
        try await withService(at: path, Setup(loops: 3), by: .commands(kind)) { service in
          for round in 0..<40 {
            let peers = try (0..<25).map { _ in try Peer(path) }
            for (number, peer) in peers.enumerated() where number % 3 > 0 {
              #expect(try peer.ask("\(round) \(number)") == "\(round) \(number)")
            }
            for (number, peer) in peers.enumerated() where number % 2 > 0 { try peer.client.endSending() }
          }
          try eventually { service.counters.open == 0 }
          #expect(service.counters.openOnEachLoop == [0, 0, 0] && service.counters.accepted == 1000)
        }
      }
      // The runtime may have opened one or another of its own.
      #expect(openDescriptors().count < before + 5)
    }
  }

  @Test func loopWithoutAThreadEndsTheServer() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let path = directory("s")
      let before = openDescriptors().count
      try await withLoop { loop in
        try setDefaultStackSize(1 << 46)
        let error = await systemFailure {
          try await Setup(loops: 2).server(try UnixListener(binding: .path(path)), on: loop).run { _ in }
        }
        #expect(error == SystemError(errno: EAGAIN, operation: "pthread_create"))
        try setDefaultStackSize(1 << 20)
        #expect(entries(of: directory.path) == ["s.lock"])
      }
      #expect(openDescriptors().count < before + 5)
    }
  }
}

/// pthread_setattr_default_np(3), which Swift's Glibc lacks: no thread can be made with more than there is.
func setDefaultStackSize(_ size: Int) throws {
  typealias Function = @convention(c) (UnsafePointer<pthread_attr_t>) -> Int32
  guard let symbol = unsafe dlsym(nil, "pthread_setattr_default_np") else {
    throw SystemError(errno: ENOSYS, operation: "pthread_setattr_default_np")
  }
  var attributes = pthread_attr_t()
  unsafe pthread_attr_init(&attributes)
  unsafe pthread_attr_setstacksize(&attributes, size)
  // The symbol is that function's, whose type this is.
  #expect(unsafe unsafeBitCast(symbol, to: Function.self)(&attributes) == 0)
}
