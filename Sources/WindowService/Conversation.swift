// One client's connection: messages in, replies out, in order, until the client ends or has nothing more to say.

internal import Glibc
internal import IPCKit
internal import WindowProtocol

/// Serves one connection of a client.
struct Conversation: ~Copyable {
  let handler: RequestHandler
  private let log: Log
  var connection: Connection
  /// The client has no reason to wait for more than the end.
  private var isOver = false
  /// The client reads no more; what it sent before is served all the same.
  private var readerIsGone = false
  private var refusals = 0
  /// The client's process, for the log.
  let client: Int32

  /// How long a client may keep a connection that has nothing more to give: after a message of Alacritty's, whose reply
  /// is the end of the file, and after a message that could not be understood. Long enough for a second message that is
  /// on its way.
  private static let farewell = Duration.seconds(1)

  init(_ connection: consuming Connection, handler: RequestHandler, log: Log) {
    client = (try? connection.peer.credentials.processID) ?? 0
    self.connection = connection
    self.handler = handler
    self.log = log
  }

  /// Answers messages until the client ends.
  consuming func serve() async throws {
    let activity = handler.windows.activity
    activity.note()
    defer { activity.note() }
    let failure = await answerAll()
    if refusals > 1 { log.write(.warning, "refused \(refusals) messages of process \(client)") }
    if let failure { throw failure }
    connection.finish(deadline: .after(Self.farewell))
  }

  /// Returns when the client has ended, or the conversation is over; else the error that broke it.
  private mutating func answerAll() async -> IPCError? {
    do throws(IPCError) {
      while true {
        let deadline = isOver ? Deadline.after(Self.farewell) : .never
        guard let line = try await connection.nextLine(as: [UInt8].self, deadline: deadline) else { return nil }
        try await answer(Message(line))
      }
    } catch {
      switch error {
      case .deadlineExceeded where !connection.hasUnreadBytes && isOver: return nil
      case .deadlineExceeded where connection.hasUnreadBytes:
        return await lastWord(Reply.Failure(.messageTooSlow, "a message was not complete in time"))
      case .peer(.tooManyDescriptors): return await lastWord(Reply.Failure(.invalidMessage, "\(error)"))
      case .peer: return await lastWord(Reply.Failure(.messageTooLong, "\(error)"))
      case .system(let failure) where failure.errno == EMFILE:
        return await lastWord(
          Reply.Failure(.noDescriptors, "windowd has no descriptor left for what came with a message"))
      default: return error
      }
    }
  }

  private mutating func answer(_ message: Message) async throws(IPCError) {
    let counters = handler.counters
    counters.answerBegan()
    defer { counters.answerEnded() }
    if case .attach(let request) = message.request { return try await attach(request) }
    closeDescriptors()
    switch try await outcome(of: message) {
    case .success(let reply):
      if let reply { try await send(reply) }
    case .failure(let refusal) where message.isAlacritty: note(refusal)
    case .failure(let refusal): try await refuse(refusal)
    }
    isOver = isOver || message.isAlacritty || message.request == nil
  }

  /// Closes what came with a message that takes nothing. It may be the client's own end, and then this connection would
  /// never hear that the client has gone.
  mutating func closeDescriptors() { _ = connection.takeDescriptors() }

  private mutating func outcome(of message: Message) async throws(IPCError) -> Result<[UInt8]?, Reply.Failure> {
    let request: Request
    switch message.content {
    case .success(let parsed): request = parsed
    case .failure(let refusal): return .failure(refusal)
    }
    let handler = handler
    let perform: @Sendable () async -> Result<[UInt8]?, Reply.Failure> = {
      do throws(Reply.Failure) { return .success(try await handler.reply(to: request)) } catch {
        return .failure(error)
      }
    }
    // Only a wait ends with its client: a window is opened even for one that has hung up, as Alacritty 0.11 does.
    guard case .wait = request else { return await perform() }
    do throws(SystemError) { return try await connection.untilHangup(perform) ?? .success(nil) } catch {
      throw .system(error)
    }
  }

  mutating func refuse(_ refusal: Reply.Failure) async throws(IPCError) {
    note(refusal)
    try await send(bytes(of: refusal))
  }

  mutating func tell(_ reply: some Encodable) async throws(IPCError) {
    if let line = try? WireFormat.line(reply) { try await send(line) }
  }

  /// Refuses what cannot be read on from.
  private mutating func lastWord(_ refusal: Reply.Failure) async -> IPCError? {
    note(refusal)
    do throws(IPCError) {
      try await send(bytes(of: refusal))
      return nil
    } catch {
      return error
    }
  }

  private mutating func send(_ reply: [UInt8]) async throws(IPCError) {
    guard !readerIsGone else { return }
    do throws(IPCError) {
      try await connection.write(reply)
    } catch {
      guard case .system(let failure) = error, [EPIPE, ECONNRESET].contains(failure.errno) else { throw error }
      readerIsGone = true
    }
  }

  /// Logs the first refusal of a connection; a flood of them would only fill the log.
  private mutating func note(_ refusal: Reply.Failure) {
    refusals += 1
    guard refusals == 1 else { return }
    log.write(.warning, "refused a message of process \(client): \(refusal.error.message)")
  }

  private func bytes(of refusal: Reply.Failure) -> [UInt8] {
    (try? WireFormat.line(refusal)) ?? []
  }
}
