// Datagrams: where they come from, who sent them, who waits for whom, and who owns the path.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct UnixDatagramTests {
  private static func name(_ word: String = #function) -> UnixAddress { .abstract("ipckit/\(getpid())/\(word)") }

  @Test func answerGoesToTheSendersAddress() throws {
    let directory = try TemporaryDirectory()
    let server = try UnixDatagram(binding: .path(directory("server")))
    let client = try UnixDatagram(binding: .path(directory("client")))
    #expect(try server.descriptor.isNonBlocking && server.descriptor.isCloseOnExec)
    #expect(try server.address == .path(directory("server")))
    #expect(mode(of: directory("server")) == S_IFSOCK | 0o600)
    try client.sendText("question", to: .path(directory("server")))
    let (text, message) = try server.receiveText()
    #expect(text == "question" && message.count == 8)
    #expect(message.sender == .path(directory("client")))
    #expect(message.credentials == nil)
    try server.sendText("answer", to: try #require(message.sender))
    #expect(try client.receiveText().text == "answer")
    try server.close()
    try client.close()
    #expect(entries(of: directory.path) == ["client.lock", "server.lock"])
  }

  @Test func senderWithoutAnAddressHasNone() throws {
    let server = try UnixDatagram(binding: Self.name())
    let unbound = try UnixDatagram()
    #expect(try unbound.address == nil)
    try unbound.sendText("", to: Self.name())
    try unbound.sendText("x", to: Self.name())
    let first = try server.receiveText()
    // An empty message is one.
    #expect(first.text == "" && first.message.count == 0)
    #expect(first.message.sender == nil && first.message.credentials == nil)
    #expect(try server.receiveText().text == "x")
  }

  @Test func abstractSenderIsTold() throws {
    let (here, there) = (Self.name("abstract\0here"), Self.name("abstract there"))
    let server = try UnixDatagram(binding: there)
    let client = try UnixDatagram(binding: here)
    try client.sendText("x", to: there)
    #expect(try server.receiveText().message.sender == here)
  }

  @Test func senderAtALongPathIsNotTold() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let deep = directory(String(repeating: "d", count: 120))
      try makeDirectory(deep)
      let server = try UnixDatagram(binding: .path(deep + "/server"))
      let client = try UnixDatagram(binding: .path(deep + "/client"))
      try client.sendText("x", to: .path(deep + "/server"))
      let (text, message) = try server.receiveText()
      #expect(text == "x" && message.sender == nil)
      #expect(try client.address == .path(deep + "/client"))
      try server.close()
      try client.close()
      #expect(entries(of: deep) == ["client.lock", "server.lock"])
    }
  }

  @Test func messageThatDoesNotFitIsAnErrorAndTheNextIsRead() throws {
    let server = try UnixDatagram(binding: Self.name())
    let client = try UnixDatagram()
    for text in ["too long", "fits"] { try client.sendText(text, to: Self.name()) }
    let ended = ipcFailure { _ = try server.receiveText(7) }
    #expect(ended == .peer(.messageTooLong(limit: 7, received: 8)))
    #expect(try server.receiveText(7).text == "fits")
  }

  // MARK: Who sent it

  @Test func identifiedSenderIsThisProcess() throws {
    let server = try UnixDatagram(binding: Self.name(), identifyingSenders: true)
    try UnixDatagram().sendText("x", to: Self.name())
    let credentials = try server.receiveText().message.credentials
    #expect(credentials?.processID == getpid() && credentials?.userID == getuid() && credentials?.groupID == getgid())
  }

  @Test func unboundSocketThatIdentifiesSendersCanBeAnswered() throws {
    let server = try UnixDatagram(binding: Self.name())
    let client = try UnixDatagram(identifyingSenders: true)
    try client.sendText("question", to: Self.name())
    let sender = try server.receiveText().message.sender
    #expect(try sender == client.address && sender != nil)
    try server.sendText("answer", to: try #require(sender))
    #expect(try client.receiveText().message.credentials?.processID == getpid())
  }

  @Test(.asRoot) func eachSenderIsItself() async {
    await #expect(processExitsWith: .success) {
      let name = UnixDatagramTests.name("strangers")
      let server = try UnixDatagram(binding: name, identifyingSenders: true)
      for user in [4321, 4322] as [UInt32] {
        let child = ForkedChild {
          do {
            try becomeStranger(user: user, group: user + 1)
            try UnixDatagram().sendText("mine", to: name)
            return 0
          } catch { return 1 }
        }
        let credentials = try server.receiveText().message.credentials
        #expect(credentials?.userID == user && credentials?.groupID == user + 1)
        #expect(credentials?.processID == child.processID)
        #expect(child.wait() == 0)
      }
      // The real ids count.
      #expect(seteuid(4321) == 0)
      try UnixDatagram().sendText("disguised", to: name)
      #expect(seteuid(0) == 0)
      #expect(try server.receiveText().message.credentials?.userID == 0)
    }
  }

  // MARK: Waiting

  @Test func receivingEndsAtTheDeadline() throws {
    let server = try UnixDatagram(binding: Self.name())
    let ended = ipcFailure { _ = try server.receiveText(deadline: .after(.milliseconds(50))) }
    #expect(ended == .deadlineExceeded(operation: "receive"))
  }

  @Test(arguments: [1, 50_000]) func sendingToWhoDoesNotReadEndsAtTheDeadlineWithoutSpinning(size: Int) throws {
    let name = Self.name("full \(size)")
    let server = try UnixDatagram(binding: name)
    let client = try UnixDatagram()
    let (used, begun) = (threadProcessorTime(), ContinuousClock.now)
    // Small ones fill the receiver's queue, big ones the sender's buffer.
    let ended = ipcFailure {
      while true {
        try client.sendText(String(repeating: "x", count: size), to: name, deadline: .after(.milliseconds(300)))
      }
    }
    #expect(ended == .deadlineExceeded(operation: "send"))
    #expect(ContinuousClock.now - begun >= .milliseconds(300))
    #expect(threadProcessorTime() - used < 0.1)
    _ = server
  }

  @Test func receiverThatHearsNobodyElseIsWaitedForToo() throws {
    let (name, clientName) = (Self.name("asked"), Self.name("asking"))
    let server = try UnixDatagram(binding: name)
    let client = try UnixDatagram(binding: clientName)
    try client.connect(to: name)
    let ended = ipcFailure {
      while true { try server.sendText("x", to: clientName, deadline: .after(.milliseconds(50))) }
    }
    #expect(ended == .deadlineExceeded(operation: "send"))
    _ = try client.receiveText()
    try server.sendText("x", to: clientName, deadline: .after(.seconds(60)))
  }

  @Test(arguments: [1, 50_000]) func senderWaitsForItsReceiver(size: Int) throws {
    let name = Self.name("slow \(size)")
    let server = try UnixDatagram(binding: name)
    let sending = RunningThread {
      let client = try UnixDatagram()
      for number in 0..<200 { try client.sendText("\(number) " + String(repeating: "x", count: size), to: name) }
    }
    for number in 0..<200 {
      if number == 0 { usleep(20_000) }
      let (text, message) = try server.receiveText(100_000)
      #expect(text.hasPrefix("\(number) ") && message.count > size)
    }
    try sending.join()
  }

  @Test func receiverThatEndsWakesTheSender() throws {
    let name = Self.name()
    let server = try UnixDatagram(binding: name)
    let isFull = Flag()
    let sending = RunningThread { () -> SystemError? in
      let client = try UnixDatagram()
      return systemFailure {
        while true {
          do { try client.sendText("x", to: name, deadline: .after(.milliseconds(50))) } catch IPCError.deadlineExceeded
          {
            isFull.set()
            try client.sendText("x", to: name)
          }
        }
      }
    }
    try eventually { isFull.isSet }
    try server.close()
    #expect(try sending.join()?.errno == ECONNREFUSED)
  }

  // MARK: Connected, and not at all

  @Test func connectedSocketHearsItsPeerAlone() throws {
    let directory = try TemporaryDirectory()
    let (here, there) = (UnixAddress.path(directory("client")), UnixAddress.path(directory("server")))
    let server = try UnixDatagram(binding: there)
    let client = try UnixDatagram(binding: here)
    try client.connect(to: there)
    try client.descriptor.sendText("question")
    #expect(try server.receiveText().message.sender == here)
    try server.sendText("answer", to: here)
    #expect(try client.descriptor.receiveText() == "answer")
    let ended = systemFailure { try UnixDatagram().sendText("intruder", to: here) }
    #expect(ended == SystemError(errno: EPERM, operation: "send", object: directory("client")))
  }

  @Test func nobodyThere() throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let client = try UnixDatagram()
    #expect(systemFailure { try client.sendText("x", to: .path(path)) }?.errno == ENOENT)
    #expect(systemFailure { try client.sendText("x", to: Self.name()) }?.errno == ECONNREFUSED)
    let stream = try boundSocket(path, backlog: 1)
    let ended = systemFailure { try client.sendText("x", to: .path(path)) }
    #expect(ended == SystemError(errno: EPROTOTYPE, operation: "send", object: path))
    let refused = systemFailure { try client.connect(to: .path(path)) }
    #expect(refused == SystemError(errno: EPROTOTYPE, operation: "connect", object: path))
    _ = stream
  }

  // MARK: The path

  @Test func pathHasOneOwnerAndADeadOnesIsSwept() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let path = directory("s")
      let first = try UnixDatagram(binding: .path(path))
      let ended = systemFailure { _ = try UnixDatagram(binding: .path(path)) }
      #expect(ended == SystemError(errno: EADDRINUSE, operation: "lock", object: path + ".lock"))
      try remove(path + ".lock")
      // Without a lock, that it is alive protects it.
      let again = systemFailure { _ = try UnixListener(binding: .path(path)) }
      #expect(again == SystemError(errno: EADDRINUSE, operation: "bind", object: path))
      try UnixDatagram().sendText("x", to: .path(path))
      #expect(try first.receiveText().text == "x")
      try first.close()
      func forget() throws { _ = try UnixDatagram(binding: .path(path)) }
      try forget()
      #expect(mode(of: path) != nil)
      try UnixDatagram(binding: .path(path)).close()
      #expect(entries(of: directory.path) == ["s.lock"])
    }
  }

  @Test func withoutRoomLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        try quiet.expectNothingLeftOpen(needing: 2) {
          try UnixDatagram(binding: .path(directory("s")), identifyingSenders: true).close()
        }
        try quiet.expectNothingLeftOpen(needing: 1) { _ = try UnixDatagram() }
        quiet.expect(entries(of: directory.path), is: ["s.lock"])
      }
    }
  }

  @Test(arguments: [true, false]) func descriptorsThatCameAlongAreClosed(identified: Bool) async {
    await #expect(processExitsWith: .success) { [identified = identified as Bool] in
      try inQuietProcess { quiet in
        let name = UnixDatagramTests.name("along")
        let server = try UnixDatagram(binding: name, identifyingSenders: identified)
        let client = try UnixDatagram()
        try client.connect(to: name)
        for count in [1, 2, 5, 20] {
          try quiet.expectNothingLeftOpen {
            try sendDescriptors(count, over: client.descriptor)
            let (text, message) = try server.receiveText()
            quiet.expect(text, is: "message")
            quiet.expect(message.credentials?.processID, is: identified ? getpid() : nil)
          }
        }
      }
    }
  }
}
