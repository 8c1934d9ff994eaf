// One conversation after the other with a service that may be restarted meanwhile.

import Glibc
import IPCKit

/// Sends a line, and returns the line that comes back.
struct LineClient: ~Copyable {
  /// Why there is no answer.
  enum Failure: Error, CustomStringConvertible {
    /// Another attempt would fail as this one did.
    case failed(IPCError)
    /// The line was sent, and nobody knows whether it was done.
    case mayBeDone(IPCError)
    /// No attempt succeeded in all the time that there was.
    case gaveUp(after: Duration, last: IPCError)

    var description: String {
      switch self {
      case .failed(let error): "\(error)"
      case .mayBeDone(let error): "sent, and perhaps done, but not answered: \(error)"
      case .gaveUp(let time, let error): "given up after \(time): \(error)"
      }
    }

    var exitStatus: Int32 {
      switch self {
      case .failed: 1
      case .mayBeDone: 3
      case .gaveUp: 4
      }
    }
  }

  private let address: UnixAddress
  private let policy: PeerPolicy
  private let attemptTime: Duration
  private let totalTime: Duration
  /// The connection, while it is good for another line: none is kept that something went wrong with, since a late answer
  /// would be taken for that to the next line.
  private var connection: BufferedReader?

  init(address: UnixAddress, policy: PeerPolicy, attemptTime: Duration, totalTime: Duration) {
    self.address = address
    self.policy = policy
    self.attemptTime = attemptTime
    self.totalTime = totalTime
  }

  /// Asks until there is an answer, or no sense or no time in asking again.
  /// - Parameter isRepeatable: whether the line may reach the service twice.
  mutating func ask(_ line: String, isRepeatable: Bool) throws(Failure) -> String {
    let message = Array("\(line)\n".utf8)
    let end = Deadline.after(totalTime)
    var backoff = Backoff()
    while true {
      var mayBeDone = false
      do throws(IPCError) {
        return try attempt(message, &mayBeDone, by: min(end, .after(attemptTime)))
      } catch {
        guard !mayBeDone || isRepeatable else { throw .mayBeDone(error) }
        guard Self.isPassing(error) else { throw .failed(error) }
        let pause = backoff.next()
        guard .after(pause) < end else { throw .gaveUp(after: totalTime, last: error) }
        usleep(UInt32(pause / .microseconds(1)))
      }
    }
  }

  /// Asks once. Whatever throws here closes the connection on its way out.
  private mutating func attempt(
    _ message: [UInt8], _ mayBeDone: inout Bool, by deadline: Deadline
  ) throws(IPCError) -> String {
    var reader = try takeConnection(by: deadline)
    var sent = 0
    while sent < message.count {
      // The first write fails as a whole where the service has gone since the last line: then nothing was sent.
      // A view of bytes as bytes.
      let rest = unsafe message.span.bytes.extracting(droppingFirst: sent)
      sent += try reader.descriptor.write(rest, deadline: deadline)
      mayBeDone = true
    }
    guard let answer = try reader.nextLine(as: String.self, deadline: deadline) else { throw .endOfFile }
    connection = consume reader
    return answer
  }

  private mutating func takeConnection(by deadline: Deadline) throws(IPCError) -> BufferedReader {
    if let connection = connection.take() { return connection }
    let stream = try UnixStream(connectingTo: address, trusting: policy, deadline: deadline)
    return BufferedReader(stream.descriptor)
  }

  /// Whether it may be otherwise in a moment.
  private static func isPassing(_ error: IPCError) -> Bool {
    switch error {
    case .endOfFile, .deadlineExceeded: true
    case .system(let error): [ENOENT, ECONNREFUSED, ECONNRESET, EPIPE].contains(error.errno)
    case .peer, .cancelled: false
    }
  }
}

/// Pauses that grow, and that differ from client to client, so that those of a service that was restarted do not all come
/// back in the same moment.
struct Backoff {
  private var longest = Duration.milliseconds(20)

  mutating func next() -> Duration {
    defer { longest = min(longest * 2, .seconds(1)) }
    return longest * Double.random(in: 0.5...1)
  }
}
