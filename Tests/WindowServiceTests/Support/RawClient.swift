// A client that writes what it likes: well-formed or not, whole or in part.

internal import Glibc
internal import IPCKit
internal import WindowProtocol

/// One connection to a windowd.
struct RawClient: ~Copyable {
  private var reader: BufferedReader

  init(_ path: String) throws(IPCError) {
    let stream = try UnixStream(connectingTo: .path(path), deadline: patientDeadline)
    reader = BufferedReader(stream.descriptor, limit: WireFormat.replyLimit, capacity: 4096)
  }

  /// Sends text as it is, without adding anything.
  func send(_ text: String, within limit: Duration = patience) throws(IPCError) {
    try send(Array(text.utf8), within: limit)
  }

  func send(_ bytes: [UInt8], within limit: Duration = patience) throws(IPCError) {
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try unsafe reader.descriptor.writeAll(bytes.span.bytes, deadline: .after(limit))
  }

  /// Says that nothing more will be sent; answers can still be read.
  func finishSending() throws(SystemError) { try reader.descriptor.shutdownSending() }

  /// The next line of the reply; nil at the end of the file.
  mutating func line(within limit: Duration = patience) throws(IPCError) -> String? {
    try reader.nextLine(as: String.self, deadline: .after(limit))
  }

  /// All that comes until the end of the file, newlines included.
  mutating func rest(within limit: Duration = patience) throws(IPCError) -> String {
    // JSON has no NUL, so this is all there is.
    let deadline = Deadline.after(limit)
    guard let view = try reader.next(endingWith: 0, deadline: deadline) else { return "" }
    // The view is valid here, and the string copies it.
    return unsafe view.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// Sends a line and reads the line that answers it.
  mutating func ask(_ message: String) throws -> String {
    try send(message + "\n")
    guard let line = try line() else { throw TestFailure("no answer to \(message.prefix(200))") }
    return line
  }

  /// Sends a request and reads its reply.
  mutating func ask<Answer: Decodable>(_ request: Request, for type: Answer.Type) throws -> Answer {
    try send(try WireFormat.line(request))
    guard let line = try line() else { throw TestFailure("no answer to \(request)") }
    let bytes = Array(line.utf8)
    if let failure = try? WireFormat.decode(Reply.Failure.self, from: bytes) { throw failure }
    return try WireFormat.decode(type, from: bytes)
  }
}

/// A client in an array, which cannot hold what cannot be copied.
final class HeldClient {
  let client: RawClient
  init(_ client: consuming RawClient) { self.client = client }
}
