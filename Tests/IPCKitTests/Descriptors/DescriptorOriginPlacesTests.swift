// Whatever makes or receives a descriptor knows who asked for it: each line below is told apart by what was made on it.
//
// To an exit test's macro all lines of its body are one, so these have functions of their own.

import Glibc
import IPCKit
import Testing

@Suite(.timeLimit(.minutes(5))) struct DescriptorOriginPlacesTests {
  private static let soon = Deadline.after(.seconds(60))

  init() { DescriptorOrigin.isRecording = true }

  @Test func descriptors() throws {
    let pipe = try Pipe()
    expect(pipe, made: "pipe", "pipe")
    let pair = try SocketPair()
    expect(pair, made: "socket", "socket")
    let counter = try EventCounter()
    expect(counter, made: "eventfd")
    let timer = try KernelTimer()
    expect(timer, made: "timerfd")
    let file = try MemoryFile(named: "a")
    expect(file, made: "memfd")
    // Bytes seen as raw bytes: nothing is reinterpreted.
    let filled = try unsafe MemoryFile(named: "b", contents: Array("x".utf8).span.bytes)
    expect(filled, made: "memfd")
    let process = try ProcessHandle(processID: getpid())
    expect(process, made: "pidfd")
    let copy = try pipe.reading.duplicate()
    expect(copy, made: "pipe")
    // dup just handed the number out.
    let adopted = unsafe FileDescriptor(owning: dup(unsafe pipe.writing.withUnsafeNumber { $0 }))
    expect(adopted, made: "pipe")
  }

  @Test func signals() async throws {
    // Blocked in a thread of its own, and for good.
    try await onOwnThread {
      let queue = try SignalQueue([SIGUSR2])
      expect(queue, made: "signalfd")
    }
    try await withLoop { loop in
      let source = try SignalSource([SIGUSR2], on: loop)
      expect(source, made: "signalfd")
    }
  }

  @Test func endsOfAFIFO() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("fifo")
    try FIFO.make(at: path)
    let writer = RunningThread {
      let writing = try FIFO.openForWriting(path, deadline: Self.soon)
      expect(writing, made: "fifo")
    }
    let reading = try FIFO.openForReading(path, deadline: Self.soon)
    expect(reading, made: "fifo")
    try await onOwnThread { try writer.join() }
  }

  @Test func loopsAndWhatStandsOnThem() async throws {
    try await withLoop { loop in
      let other = try EventLoop()
      expect(other, made: "eventfd", "eventpoll")
      let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
      expect(terminal, made: "ptmx")
      let handover = try Handover()
      expect(handover, made: "socket", "socket")
    }
  }

  @Test func children() async throws {
    try await withLoop { loop in
      let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
      let command = Command(arguments: ["sleep", "1000"], environment: .inherited)
      let child = try await command.start(in: terminal, on: loop, deadline: Self.soon)
      expect(child, made: "pidfd")
      let plain = try await command.start(with: ChildDescriptors(), on: loop, deadline: Self.soon)
      expect(plain, made: "pidfd")
      let copy = try child.duplicateDescriptor()
      expect(copy, made: "pidfd")
      child.kill()
      plain.kill()
      #expect(await child.exit() == .signaled(SIGKILL))
      #expect(await plain.exit() == .signaled(SIGKILL))
    }
    let null = try openFile("/dev/null", O_RDWR)
    let command = Command(arguments: ["true"], environment: .inherited)
    let first = try DetachedProcess(command, output: null, deadline: Self.soon)
    expect(first, made: "pidfd")
    let second = try DetachedProcess(command, with: ChildDescriptors(), deadline: Self.soon)
    expect(second, made: "pidfd")
    #expect(try first.exit(deadline: Self.soon) == .exited(0))
    #expect(try second.exit(deadline: Self.soon) == .exited(0))
  }

  @Test func lentTerminal() async throws {
    try await withLoop { loop in
      let terminal = try Terminal(size: .init(columns: 80, rows: 24), on: loop)
      let side = try otherSide(of: terminal)
      let reopened = try LentTerminal.reopen(openFile(side, O_RDWR | O_NOCTTY))
      expect(reopened, made: String(try #require(side.split(separator: "/").last)))
    }
  }
}

// MARK: - Sockets

extension DescriptorOriginPlacesTests {
  @Test func listenersAndTheirClients() throws {
    let directory = try TemporaryDirectory()
    let address = UnixAddress.path(directory("s"))
    let listener = try UnixListener(binding: address)
    expect(listener, made: "s.lock", "socket")
    let stream = try UnixStream(connectingTo: address, deadline: Self.soon)
    expect(stream, made: "socket")
    let connection = try listener.accept(deadline: Self.soon)
    expect(connection, made: "socket")
    let second = try listener.duplicate()
    expect(second, made: "socket")
    if let process = try connection.peer().openProcess() {
      expect(process, made: "pidfd")
    }
    let packets = try UnixListener(binding: .path(directory("p")), type: .seqpacket)
    let packet = try UnixSeqpacket(connectingTo: .path(directory("p")), deadline: Self.soon)
    expect(packet, made: "socket")
    try packets.close()
    let bound = try UnixDatagram(binding: .path(directory("d")))
    expect(bound, made: "d.lock", "socket")
    let unbound = try UnixDatagram()
    expect(unbound, made: "socket")
  }

  @Test func receivedInMessages() async throws {
    let pair = try SocketPair()
    let freight = try Freight(2)
    try pair.left.send("x", lending: freight.descriptors)
    var buffer: InlineArray<1, UInt8> = [0]
    var span = buffer.mutableSpan
    // Bytes seen as raw bytes: nothing is reinterpreted.
    var bytes = unsafe span.mutableBytes
    let message = try pair.right.receive(into: &bytes, deadline: Self.soon)
    expect(message.descriptors, made: "pipe", "pipe")
  }

  @Test func receivedOnALoop() async throws {
    try await withLoop { loop in
      let pair = try SocketPair()
      let freight = try Freight(1)
      try pair.left.send("x", lending: freight.descriptors)
      let source = try EventSource(pair.right, on: loop)
      var buffer: InlineArray<1, UInt8> = [0]
      var span = buffer.mutableSpan
      // Bytes seen as raw bytes: nothing is reinterpreted.
      var bytes = unsafe span.mutableBytes
      let message = try await source.receive(into: &bytes, deadline: Self.soon)
      expect(message.descriptors, made: "pipe")
    }
  }

  @Test func receivedByAReader() throws {
    let pair = try SocketPair()
    let freight = try Freight(2)
    try pair.left.send("x\n", lending: freight.descriptors)
    var reader = BufferedReader(pair.right, descriptorLimit: 2)
    let made = lineAbove()
    #expect(try reader.nextLine(as: String.self, deadline: Self.soon) == "x")
    let taken = reader.takeDescriptors()
    #expect(kindsMade(at: made) == ["pipe", "pipe"])
    #expect(origin(of: taken[0]) == made)
  }

  @Test func acceptedAndReceivedByAServer() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let places = Log<String>()
    try await withLoop { loop in
      let server = Task.immediate(executorPreference: loop) {
        let listener = try UnixListener(binding: .path(path))
        var limits = ServerLimits()
        limits.descriptorsPerFrame = 1
        let server = Server(listener, on: loop, loops: 2, limits: limits)
        places.append(lineAbove())
        try await server.run { (connection: consuming Connection) in
          while let line = try await connection.nextLine(as: [UInt8].self) {
            let taken = connection.takeDescriptors()
            try await connection.writeLine(line + Array(" \(kindsMade(at: places.entries[0])) \(taken.count)".utf8))
          }
        }
      }
      let answer = try await onOwnThread {
        let (peer, freight) = (try Peer(path), try Freight(1))
        try peer.send("x", lending: freight.descriptors)
        return try peer.client.line()
      }
      // Its reserve, the connection and what came over it, and the second loop.
      #expect(answer == #"x ["eventfd", "eventpoll", "null", "pipe", "socket"] 1"#)
      server.cancel()
      try await server.value
    }
  }
}

// MARK: - Activation

extension DescriptorOriginPlacesTests {
  @Test func handedOverByTheManager() async {
    await #expect(processExitsWith: .success) { try Self.takeAll() }
  }

  private static func takeAll() throws {
    DescriptorOrigin.isRecording = true
    let kinds: [Inherited] = [.listener, .connected, .datagram, .fifo, .memory, .pipe, .pipe]
    let told = try activated(kinds, names: "l:c:d:f:m:p:rest") {
      var (places, answers) = ([String](), [String]())
      func note(_ number: Int32, _ place: String) {
        places.append(place)
        answers.append(DescriptorOrigin.of(descriptor: number)?.description ?? "none")
      }
      var activation = try SocketActivation.take()
      note(9, lineAbove())
      let listener = try activation.takeListener(named: "l")
      note(3, lineAbove())
      let connection = try activation.takeConnection(named: "c")
      note(4, lineAbove())
      let datagram = try activation.takeDatagram(named: "d")
      note(5, lineAbove())
      let fifo = try activation.takeFIFO(named: "f")
      note(6, lineAbove())
      let memory = activation.takeDescriptor(named: "m")
      note(7, lineAbove())
      let pipes = activation.takeDescriptors(named: "p")
      note(8, lineAbove())
      let all = listener != nil && connection != nil && datagram != nil && fifo != nil && memory != nil
      return answers == places && all && pipes.count == 1 ? "as expected" : "\(answers) instead of \(places)"
    }
    #expect(told == "as expected")
  }

  @Test func standardInput() async {
    await #expect(processExitsWith: .success) { try Self.takeStandardInput() }
  }

  private static func takeStandardInput() throws {
    DescriptorOrigin.isRecording = true
    let told = try toldByForkedChild { report in
      let pair = try socketPair()
      unsafe pair.left.withUnsafeNumber { _ = dup2($0, 0) }
      guard let connection = try SocketActivation.takeStandardInput() else { return (report, "none") }
      return (report, "\(origin(of: connection) == lineAbove())")
    }
    #expect(told == "true")
  }
}

/// The path of the side that programs have.
private func otherSide(of terminal: borrowing Terminal) throws -> String {
  let facts = try unsafe terminal.source.descriptor.withUnsafeNumber { try contents(of: "/proc/self/fdinfo/\($0)") }
  let index = facts.split(separator: "\n").first { $0.hasPrefix("tty-index:") }
  return "/dev/pts/\(try #require(index?.split(separator: "\t").last))"
}
