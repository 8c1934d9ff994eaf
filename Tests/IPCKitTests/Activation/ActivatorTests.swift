// The system's own activator, where it is installed: this very test program, started by systemd-socket-activate with
// what it can hand over, runs the one test that is meant for it.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5)), .serialized) struct ActivatorTests {
  private static let variable = "IPCKIT_ACTIVATED_TEST"
  private static let activator = "/usr/bin/systemd-socket-activate"

  /// What is handed over, and how it is asked for.
  enum Way: String, CaseIterable {
    case listener, unnamed, several, seqpacket, datagram, accepted, acceptedPackets, inetd

    fileprivate func options(_ path: String) -> [String] {
      let listen = "--listen=\(path)"
      return switch self {
      case .listener: [listen, "--fdname=control"]
      case .unnamed: [listen]
      case .several: ["--listen=\(path).other", listen, "--fdname=other:control"]
      case .seqpacket: [listen, "--fdname=control", "--seqpacket"]
      case .datagram: [listen, "--fdname=control", "--datagram"]
      case .accepted: [listen, "--fdname=connection", "--accept"]
      case .acceptedPackets: [listen, "--accept", "--seqpacket"]
      case .inetd: [listen, "--accept", "--inetd"]
      }
    }

    /// What the activated program finds, and what remains when it has taken what it serves.
    fileprivate var answer: String {
      switch self {
      case .listener: "control: a listening stream socket;"
      case .unnamed: "unknown: a listening stream socket;"
      case .several:
        "other: a listening stream socket, control: a listening stream socket; other: a listening stream socket"
      case .seqpacket: "control: a listening seqpacket socket;"
      case .datagram: "control: a datagram socket;"
      case .accepted: "connection: a connected stream socket;"
      case .acceptedPackets: "unknown: a connected seqpacket socket;"
      case .inetd: ";"
      }
    }

    /// The activator waits for the next client then, in a process of its own.
    fileprivate var isForEachConnection: Bool { [.accepted, .acceptedPackets, .inetd].contains(self) }
  }

  @Test(.enabled(if: mode(of: activator) != nil, "systemd-socket-activate is not installed"), arguments: Way.allCases)
  func activatedProgramServesTheFirstClient(way: Way) async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let program = try #require(linkTarget("/proc/self/exe"))
    let output = try Pipe()
    // What starts the tests of this library again, this time with a socket: that one test alone is enabled then. It runs in
    // the activated process itself, whose number was announced.
    let command = Command(
      arguments: [Self.activator] + way.options(path) + [
        "-E", "\(Self.variable)=\(way.rawValue)", "-E", "IPCKIT_LEAKFREE=off", program, "--testing-library",
        "swift-testing", "--filter",
        "ActivatorTests/servedByTheActivated",
      ], environment: .inherited)
    let daemon = try DetachedProcess(command, output: output.writing, deadline: .after(.seconds(60)))
    try output.writing.close()
    let answer = Result { try ask(path, way) }
    if way.isForEachConnection { kill(daemon.processID, SIGTERM) }
    var log = BufferedReader(output.reading)
    while let line = try log.nextLine(as: String.self, deadline: .after(.seconds(60))) {
      if line.contains("✘") { Issue.record("\(line)") }
    }
    let status = try daemon.exit(deadline: .after(.seconds(60)))
    #expect(status == .exited(0) || way.isForEachConnection)
    #expect(try answer.get() == "hello \(way.answer)")
    // What it was given has a path that is the activator's.
    #expect(mode(of: path) != nil)
  }

  @Test(.enabled(if: Environment.inherited[variable] != nil, "for the activated program")) func servedByTheActivated()
    throws
  {
    let way = try #require(Environment.inherited[Self.variable].flatMap(Way.init(rawValue:)))
    try serve(way)
  }
}

// MARK: - The client

/// Says hello, as soon as there is somebody to say it to: the answer.
private func ask(_ path: String, _ way: ActivatorTests.Way) throws -> String? {
  switch way {
  case .datagram:
    let socket = try UnixDatagram(binding: .path("\(path).client"))
    try whenThere { try socket.sendText("hello", to: .path(path)) }
    return try socket.receiveText().text
  case .seqpacket, .acceptedPackets:
    let socket = try whenThere { try UnixSeqpacket(connectingTo: .path(path)) }
    try socket.descriptor.sendText("hello")
    return try socket.descriptor.receiveText()
  default:
    var client = try whenThere { try Client(path) }
    try client.send("hello\n")
    let answer = try client.line()
    guard try client.rest().isEmpty else { throw IPCError.endOfFile }
    return answer
  }
}

/// The activator makes its socket some time after it was started.
private func whenThere<Value: ~Copyable>(_ body: () throws -> Value) throws -> Value {
  let deadline = Deadline.after(.seconds(60))
  while true {
    do { return try body() } catch { guard !deadline.hasPassed else { throw error } }
    usleep(1000)
  }
}

// MARK: - The activated program

/// Answers the first client with what it was handed, and what remained of that.
private func serve(_ way: ActivatorTests.Way) throws {
  // Before anything else: what is printed goes to the client until then.
  if way == .inetd {
    guard let connection = try SocketActivation.takeStandardInput() else { throw IPCError.endOfFile }
    return try answer(connection, try SocketActivation.take())
  }
  try serve(way, try SocketActivation.take())
}

private func serve(_ way: ActivatorTests.Way, _ activation: consuming SocketActivation) throws {
  let deadline = Deadline.after(.seconds(60))
  let handed = list(activation.remaining)
  switch way {
  case .datagram:
    guard let socket = try activation.takeDatagram(named: "control") else { throw IPCError.endOfFile }
    let (text, message) = try socket.receiveText()
    guard let sender = message.sender else { throw IPCError.endOfFile }
    try socket.sendText("\(text) \(handed);\(list(activation.remaining, after: " "))", to: sender)
  case .seqpacket, .acceptedPackets:
    let connection: FileDescriptor
    if way == .seqpacket {
      guard let listener = try activation.takeListener(named: "control", type: .seqpacket) else {
        throw IPCError.endOfFile
      }
      connection = try listener.accept(deadline: deadline)
    } else {
      guard let taken = try activation.takeConnection(type: .seqpacket) else { throw IPCError.endOfFile }
      connection = taken
    }
    try connection.sendText("\(try connection.receiveText()) \(handed);\(list(activation.remaining, after: " "))")
  case .accepted:
    guard let taken = try activation.takeConnection(named: "connection") else { throw IPCError.endOfFile }
    try answer(taken, activation, handed)
  default:
    let name = way == .unnamed ? nil : "control"
    guard let listener = try activation.takeListener(named: name) else { throw IPCError.endOfFile }
    try answer(try listener.accept(deadline: deadline), activation, handed)
  }
}

/// Answers a line.
private func answer(
  _ connection: consuming FileDescriptor, _ activation: borrowing SocketActivation, _ handed: String = ""
) throws {
  var reader = BufferedReader(connection)
  let line = try reader.nextLine(as: String.self, deadline: .after(.seconds(60))) ?? "end"
  try reader.descriptor.writeAll("\(line) \(handed);\(list(activation.remaining, after: " "))\n")
}

private func list(_ descriptors: [InheritedDescriptor], after space: String = "") -> String {
  descriptors.isEmpty ? "" : space + descriptors.map { "\($0.name): \($0.kind)" }.joined(separator: ", ")
}
