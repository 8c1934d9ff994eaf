// One conversation with a daemon: who it is, is checked before anything is sent; the reply is one line.

internal import ArgumentParser
internal import Glibc
internal import IPCKit
internal import WindowProtocol

/// Options that every command has.
struct ClientOptions: ParsableArguments {
  @Option(
    help: "The daemon's socket. [default: $WINDOWD_SOCKET, else $XDG_RUNTIME_DIR/windowd.sock]", completion: .file())
  var socket: String?

  @Option(
    help: """
      Seconds to wait for the answer, or for a daemon that is started again. [default: 5; for `wait` and `attach`, 10 for \
      the daemon]
      """)
  var timeout: Double?

  @Option(name: .customLong("server-uid"), help: "Also trust a daemon that runs as this user.")
  var serverUID: UInt32?

  @Flag(help: "Print the reply as one JSON object.")
  var json = false

  @Flag(help: "Print foreign text as it is, control characters included.")
  var raw = false

  func validate() throws {
    if let timeout, !(timeout > 0 && timeout < 1e9) { throw ValidationError("--timeout must be above 0") }
  }

  /// When to give up.
  func deadline(unlessGiven standard: Double?) -> Deadline {
    (timeout ?? standard).map { .after(.nanoseconds(Int64($0 * 1e9))) } ?? .never
  }

  /// Whom to talk to.
  var policy: PeerPolicy { serverUID.map { PeerPolicy.sameUserOrRoot.or(.users([$0])) } ?? .sameUserOrRoot }
}

/// A failure that has an exit status.
enum ClientFailure: Error {
  case refused(Reply.Failure, line: [UInt8])
  case noDaemon(String)
  case timeout(String)
  /// The daemon has ended the conversation, or has ended itself.
  case lost(String)
  case failed(String)

  var exitCode: Int32 {
    switch self {
    case .refused, .lost, .failed: 1
    case .noDaemon: 3
    case .timeout: 4
    }
  }

  var message: String {
    switch self {
    case .refused(let failure, _): failure.error.message
    case .noDaemon(let message), .timeout(let message), .lost(let message), .failed(let message): message
    }
  }

  /// The failure as a reply, for `--json`.
  var line: [UInt8] {
    if case .refused(_, let line) = self { return line }
    let code =
      switch self {
      case .noDaemon: "no-daemon"
      case .timeout: "timeout"
      default: "failed"
      }
    return (try? WireFormat.line(["error": ["code": code, "message": message]])) ?? []
  }

  init(_ error: IPCError, _ path: String) {
    let absent = [SystemError.noSuchFile, SystemError.connectionRefused]
    switch error {
    case .system(let failure) where failure.operation == "connect" && absent.contains(failure.errno):
      self = .noDaemon("nobody serves \(path): \(failure)")
    case .deadlineExceeded: self = .timeout("\(path): no answer in time")
    case .peer(.notAllowed(let peer)):
      self = .failed("\(path) is served by user \(peer.userID): not trusted without --server-uid \(peer.userID)")
    case .endOfFile: self = .lost("\(path): the daemon ended the conversation without an answer")
    case .system(let failure) where [EPIPE, ECONNRESET].contains(failure.errno):
      self = .lost("\(path): the daemon ended the conversation: \(failure)")
    default: self = .failed("\(path): \(error)")
    }
  }
}

/// A client of a daemon.
struct Client {
  let path: String
  let policy: PeerPolicy
  let deadline: Deadline
  /// How long a daemon that is started again may take to come back, and to answer then.
  let returnTime: Duration

  init(_ options: ClientOptions, deadline: Deadline) throws(ClientFailure) {
    do throws(SystemError) {
      path = try SocketLocation.resolve(options.socket)
    } catch {
      throw .failed("\(error)")
    }
    policy = options.policy
    returnTime = .seconds(options.timeout ?? 10)
    self.deadline = deadline
  }

  /// Connects.
  func connect() throws(ClientFailure) -> BufferedReader { try connect(by: deadline) }

  private func connect(by deadline: Deadline) throws(ClientFailure) -> BufferedReader {
    do throws(IPCError) {
      let stream = try UnixStream(connectingTo: .path(path), trusting: policy, deadline: deadline)
      return BufferedReader(stream.descriptor, limit: WireFormat.replyLimit)
    } catch {
      throw ClientFailure(error, path)
    }
  }

  /// Connects once more, to the daemon that comes after one that was lost.
  func reconnect(by deadline: Deadline) throws(ClientFailure) -> BufferedReader {
    let deadline = min(deadline, .after(returnTime))
    var pause: UInt32 = 1000
    while true {
      do throws(ClientFailure) {
        return try connect(by: deadline)
      } catch .noDaemon(let message) {
        // Nothing tells of a socket that is about to be there.
        usleep(pause)
        guard !deadline.hasPassed else { throw .noDaemon(message) }
        pause = min(pause * 2, 50_000)
      }
    }
  }

  /// Sends the request, and a copy of a terminal with it where there is one, and reads its reply, the line without its end.
  func ask(
    _ request: Request, over connection: inout BufferedReader, lending terminal: borrowing FileDescriptor,
    deadline: Deadline
  ) throws(ClientFailure) -> [UInt8] {
    let message = try Self.message(request)
    do throws(IPCError) {
      // Bytes seen as raw bytes: nothing is reinterpreted.
      try unsafe connection.descriptor.send(message.span.bytes, lending: terminal, deadline: deadline)
    } catch {
      throw ClientFailure(error, path)
    }
    return try nextLine(of: &connection, deadline: deadline)
  }

  /// Sends the request and reads its reply, the line without its end.
  ///
  /// Of a daemon that is lost meanwhile, nobody knows whether it has done what was asked. What can be asked twice is asked
  /// of the one that comes after it; of one that ends every conversation at once, only a few times. What a daemon refuses
  /// because it is about to end was not done, and the next one does it, if there is one in a moment.
  func ask(
    _ request: Request, over connection: inout BufferedReader, deadline: Deadline? = nil
  ) throws(ClientFailure) -> [UInt8] {
    let message = try Self.message(request)
    let deadline = deadline ?? self.deadline
    var losses = 0
    while true {
      let goodTime = Deadline.after(Self.conversation)
      do throws(ClientFailure) {
        return try ask(message, over: &connection, deadline)
      } catch .lost(let reason) {
        losses = goodTime.hasPassed ? 0 : losses + 1
        guard request.isRepeatable, losses < Self.mostLosses else { throw .lost(reason) }
        connection = try reconnect(by: deadline)
      } catch .refused(let refusal, let line) {
        guard refusal.error.code == .stopping, losses < Self.mostLosses else { throw .refused(refusal, line: line) }
        losses += 1
        do throws(ClientFailure) { connection = try reconnect(by: min(deadline, .after(Self.succession))) } catch {
          throw .refused(refusal, line: line)
        }
      }
    }
  }

  /// How long a conversation lasts, at least, that was meant to go on.
  static let conversation = Duration.milliseconds(100)
  /// How long a daemon may take to come after one that says that it ends.
  private static let succession = Duration.seconds(1)
  /// How many conversations in a row may end sooner.
  static let mostLosses = 4

  private func ask(
    _ message: [UInt8], over connection: inout BufferedReader, _ deadline: Deadline
  ) throws(ClientFailure) -> [UInt8] {
    do throws(IPCError) {
      // Bytes seen as raw bytes: nothing is reinterpreted.
      try unsafe connection.descriptor.writeAll(message.span.bytes, deadline: deadline)
    } catch {
      throw ClientFailure(error, path)
    }
    return try nextLine(of: &connection, deadline: deadline)
  }

  private static func message(_ request: Request) throws(ClientFailure) -> [UInt8] {
    guard let message = try? WireFormat.line(request) else { throw .failed("the request cannot be written as JSON") }
    return message
  }

  /// The next line that the daemon says.
  /// - Throws: its refusal, if it is one.
  func nextLine(of connection: inout BufferedReader, deadline: Deadline) throws(ClientFailure) -> [UInt8] {
    let line: [UInt8]
    do throws(IPCError) {
      guard let reply = try connection.nextLine(as: [UInt8].self, deadline: deadline) else { throw .endOfFile }
      line = reply
    } catch {
      throw ClientFailure(error, path)
    }
    if line.starts(with: Array("{\"error\"".utf8)), let refusal = try? WireFormat.decode(Reply.Failure.self, from: line)
    {
      throw .refused(refusal, line: line + [UInt8(ascii: "\n")])
    }
    return line
  }

  /// A reply as what it is expected to be.
  func decode<Answer: Decodable>(_ type: Answer.Type, from line: [UInt8]) throws(ClientFailure) -> Answer {
    guard let answer = try? WireFormat.decode(type, from: line) else {
      throw .failed("\(path): the answer is not what this windowctl knows")
    }
    return answer
  }
}
