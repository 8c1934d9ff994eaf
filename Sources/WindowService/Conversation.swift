// One client's connection: messages in, replies out, in order, until the client ends or has nothing more to say.

internal import Glibc
internal import IPCKit
internal import WindowProtocol

/// Serves the connections of windowd's clients.
struct Conversation: Sendable {
  let handler: RequestHandler
  let log: Log

  /// How long a client may keep a connection that has nothing more to give: after a message of Alacritty's, whose reply
  /// is the end of the file, and after a refusal. Long enough for a second message that is on its way.
  private static let linger = Duration.seconds(1)

  /// Answers messages until the client ends.
  func serve(_ connection: consuming Connection) async throws {
    handler.counters.connectionBegan()
    defer { handler.counters.connectionEnded() }
    var isOver = false
    do throws(IPCError) {
      while true {
        let deadline = isOver ? Deadline.after(Self.linger) : .never
        guard let line = try await connection.nextLine(as: [UInt8].self, deadline: deadline) else { return }
        isOver = try await answer(line, connection) || isOver
      }
    } catch {
      // Nothing more came within the time that is left to a client without a reason to stay.
      if case .deadlineExceeded = error, isOver {
        return await connection.finish(deadline: .after(Self.linger))
      }
      guard case .peer = error else { throw error }
      let refusal = Reply.Failure(.messageTooLong, "\(error)")
      log.write(.warning, "refused a message of process \(connection.peer.processID): \(error)")
      try? await connection.write(bytes(of: refusal))
    }
    await connection.finish(deadline: .after(Self.linger))
  }

  /// Answers one message; true when the client has no reason to wait for more than the end.
  private func answer(_ line: [UInt8], _ connection: borrowing Connection) async throws(IPCError) -> Bool {
    let message = Message(line)
    switch await outcome(of: message, connection) {
    case .success(let reply):
      if let reply { try await connection.write(reply) }
    case .failure(let refusal):
      log.write(.warning, "refused a message of process \(connection.peer.processID): \(refusal.error.message)")
      if !message.isAlacritty { try await connection.write(bytes(of: refusal)) }
    }
    return message.isAlacritty || message.request == nil
  }

  private func outcome(
    of message: Message, _ connection: borrowing Connection
  ) async -> Result<[UInt8]?, Reply.Failure> {
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
    return await connection.untilHangup(perform) ?? .success(nil)
  }

  private func bytes(of refusal: Reply.Failure) -> [UInt8] {
    (try? WireFormat.line(refusal)) ?? []
  }
}
