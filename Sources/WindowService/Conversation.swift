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
    let request: Request
    switch Self.parse(line) {
    case .success(let parsed): request = parsed
    case .failure(let refusal):
      log.write(.warning, "refused a message of process \(connection.peer.processID): \(refusal.error.message)")
      try await connection.write(bytes(of: refusal))
      return true
    }
    switch await outcome(of: request, connection) {
    case .success(let reply):
      if let reply { try await connection.write(reply) }
    case .failure(let refusal):
      log.write(.warning, "refused a request of process \(connection.peer.processID): \(refusal.error.message)")
      if !request.isAlacritty { try await connection.write(bytes(of: refusal)) }
    }
    return request.isAlacritty
  }

  private func outcome(
    of request: Request, _ connection: borrowing Connection
  ) async -> Result<[UInt8]?, Reply.Failure> {
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

  /// The request in a line, or why there is none.
  static func parse(_ line: [UInt8]) -> Result<Request, Reply.Failure> {
    do {
      return .success(try WireFormat.decode(Request.self, from: line))
    } catch Request.DecodingFailure.unknownName(let name) {
      return .failure(Reply.Failure(.unknownRequest, "'\(DisplayText.escaped(name))' is no request"))
    } catch Request.DecodingFailure.notOneKey {
      return .failure(Reply.Failure(.invalidMessage, "a message is an object with one key, the request's name"))
    } catch let error as DecodingError {
      return .failure(Reply.Failure(.invalidMessage, describe(error)))
    } catch {
      return .failure(Reply.Failure(.invalidMessage, "the message is not JSON"))
    }
  }

  private static func describe(_ error: DecodingError) -> String {
    switch error {
    case .typeMismatch(_, let context), .valueNotFound(_, let context): "\(path(context)) has a wrong type"
    case .keyNotFound(let key, let context): "\(path(context)) lacks '\(key.stringValue)'"
    case .dataCorrupted(let context) where !context.codingPath.isEmpty: "\(path(context)) has a wrong value"
    default: "the message is not JSON in UTF-8"
    }
  }

  private static func path(_ context: DecodingError.Context) -> String {
    let names = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
    return names.isEmpty ? "the message" : "'\(names.joined(separator: "."))'"
  }
}
