// The client: a request in, its answer or a typed error out.

import IPCKit

/// A conversation with the server.
struct Client: ~Copyable {
  private var connection: BufferedReader
  private let time: Duration
  private var lastID = 0

  /// Connects to a server of this user's or root's.
  init(connectingTo socket: String, answeringWithin time: Duration) throws {
    let stream = try UnixStream(
      connectingTo: .path(socket), trusting: .sameUserOrRoot, deadline: .after(time))
    connection = BufferedReader(stream.descriptor)
    self.time = time
  }

  /// Asks, and waits for the answer.
  /// - Throws: ``Failure`` when the server refuses; ``IPCError`` when it is lost, after which this is of no more use.
  mutating func ask(_ request: Request) throws -> Answer {
    let deadline = Deadline.after(time)
    lastID += 1
    let call = try JSONLine.encode(Call(id: lastID, request: request))
    try connection.descriptor.writeAll(call, deadline: deadline)
    guard let line = try connection.nextLine(as: [UInt8].self, deadline: deadline) else { throw IPCError.endOfFile }
    let reply = try JSONLine.decode(Reply.self, from: line)
    if let failure = reply.error { throw failure }
    guard reply.id == lastID, let answer = reply.answer else {
      throw Failure(code: .invalidMessage, message: "the server's reply is to something else")
    }
    return answer
  }
}
