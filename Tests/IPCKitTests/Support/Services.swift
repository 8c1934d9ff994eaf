// A server with either kind of handler behind one description, since both must hold the same conversations and keep the
// same limits.

import Glibc
import IPCKit

/// Who answers.
enum HandlerKind: CaseIterable, Sendable {
  case reply
  case task
}

/// A handler of either kind.
struct Answerer: Sendable {
  private let reply: ReplyHandler?
  private let handler: Handler

  init(_ handler: @escaping Handler) { (reply, self.handler) = (nil, handler) }

  init(_ reply: ReplyHandler, handingOverTo handler: @escaping Handler = { _ in }) {
    (self.reply, self.handler) = (reply, handler)
  }

  nonisolated(nonsending) func run(_ server: consuming Server, startingAt start: HandlerStart) async throws {
    if let reply {
      try await server.run(replying: reply, handingOverTo: handler)
    } else {
      try await server.run(startingAt: start, handler)
    }
  }

  /// Answers each frame with itself as a line; `big N tag` with the tag and N bytes more, `quit` with `bye` and the end,
  /// `fail` with an error.
  static func commands(_ kind: HandlerKind) -> Answerer {
    switch kind {
    case .reply:
      Answerer(
        ReplyHandler { frame, reply in
          let answer = try answer(to: text(frame) ?? "")
          reply.write(answer.line + "\n")
          if answer.isLast { reply.end() }
        })
    case .task:
      Answerer { (connection: consuming Connection) in
        while let frame = text(try await connection.nextFrame()) {
          let answer = try answer(to: frame)
          try await connection.writeLine(Array(answer.line.utf8))
          if answer.isLast { return }
        }
      }
    }
  }

  private static func answer(to frame: String) throws -> (line: String, isLast: Bool) {
    let words = frame.split(separator: " ")
    switch words.first {
    case "big" where words.count == 3: return (words[2] + String(repeating: "x", count: Int(words[1]) ?? 0), false)
    case "quit": return ("bye", true)
    case "fail": throw HandlerFailed()
    default: return (frame, false)
    }
  }
}

/// What a server is told besides its handler.
struct Setup: Sendable {
  var loops = 1
  var policy = PeerPolicy.sameUserOrRoot
  var framing = Framing.line
  var limits = ServerLimits()
  var stop = ServerStop()
  var start = HandlerStart.firstByte
  var observe: @Sendable (Server.Event) -> Void = { _ in }

  init() {}

  /// The defaults with other limits.
  init(_ change: (inout ServerLimits) -> Void) { change(&limits) }

  /// On several loops.
  init(loops: Int, _ change: (inout ServerLimits) -> Void = { _ in }) {
    self.loops = loops
    change(&limits)
  }

  func server(_ listener: consuming UnixListener, on loop: EventLoop) -> Server {
    Server(
      listener, on: loop, loops: loops, admitting: policy, framing: framing, limits: limits, stop: stop,
      observe: observe)
  }
}

/// A server that runs, as its clients' thread sees it.
struct Service: Sendable {
  let counters: ServerCounters
  /// Set when `run` has returned.
  let hasEnded: Flag
  /// Cancels the task that serves.
  let cancel: @Sendable () -> Void
}

/// Serves `path` while `clients` run on a thread of their own, then cancels the server and waits for its end.
@discardableResult
func withService<Value: Sendable>(
  at path: String, _ setup: Setup = Setup(), by answerer: Answerer,
  clients: @escaping @Sendable (Service) throws -> Value
) async throws -> Value {
  try await withLoop { loop in
    let (server, service) = try await begin(at: path, setup, by: answerer, on: loop)
    let result: Result<Value, any Error>
    do { result = .success(try await onOwnThread { try clients(service) }) } catch { result = .failure(error) }
    server.cancel()
    try await server.value
    return try result.get()
  }
}

/// The same in a quiet process, where the clients' thread is joined.
func serveQuietly(
  _ path: String, _ setup: Setup = Setup(), by answerer: Answerer, clients: @escaping @Sendable (Service) throws -> Void
) throws {
  let loop = try EventLoop()
  try loop.run {
    let (server, service) = try await begin(at: path, setup, by: answerer, on: loop)
    let done = Flag()
    let thread = RunningThread {
      defer { done.set() }
      try clients(service)
    }
    while !done.isSet { await loop.sleep(until: .after(.milliseconds(1))) }
    server.cancel()
    try await server.value
    try thread.join()
  }
}

/// Begins to serve; the path is bound when this returns.
private func begin(
  at path: String, _ setup: Setup, by answerer: Answerer, on loop: EventLoop
) async throws -> (Task<Void, any Error>, Service) {
  let (begun, hasEnded) = (Log<ServerCounters>(), Flag())
  let server = Task.immediate(executorPreference: loop) {
    defer { hasEnded.set() }
    let server = setup.server(try UnixListener(binding: .path(path)), on: loop)
    begun.append(server.counters)
    try await answerer.run(server, startingAt: setup.start)
  }
  guard let counters = begun.entries.first else {
    try await server.value
    throw IPCError.endOfFile
  }
  return (server, Service(counters: counters, hasEnded: hasEnded) { server.cancel() })
}

/// Blocks until the condition holds.
func eventually(_ operation: String = "wait for a condition", _ condition: () throws -> Bool) throws {
  let deadline = Deadline.after(.seconds(60))
  while try !condition() {
    if deadline.hasPassed { throw IPCError.deadlineExceeded(operation: operation) }
    usleep(500)
  }
}

/// A client that an array can hold.
final class Peer: @unchecked Sendable {
  // One thread at a time uses it.
  var client: Client

  init(_ path: String, descriptorLimit: Int = 0) throws {
    client = try Client(path, descriptorLimit: descriptorLimit)
  }

  /// Sends a line and reads one.
  func ask(_ line: String) throws -> String? {
    try client.send(line + "\n")
    return try client.line()
  }

  /// Sends a line with descriptors.
  func send(_ line: String, lending descriptors: borrowing DescriptorList) throws {
    try client.reader.descriptor.send(line + "\n", lending: descriptors)
  }

  /// The same with descriptors that are given away.
  func send(_ line: String, passing descriptors: consuming DescriptorList) throws {
    try client.reader.descriptor.send(line + "\n", passing: descriptors)
  }

  /// Reads a line and names what came with it.
  func lineAndNames() throws -> String? {
    guard let line = try client.line() else { return nil }
    return ([line] + names(of: client.reader.takeDescriptors())).joined(separator: " ")
  }
}

extension Client {
  func send(_ bytes: [UInt8]) throws {
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try unsafe reader.descriptor.writeAll(bytes.span.bytes, deadline: .after(.seconds(60)))
  }

  /// What one read(2) gives.
  func readOnce(_ count: Int) throws -> [UInt8] {
    // Non-blocking, so that it is waited for with patience and not for ever.
    try reader.descriptor.setNonBlocking(true)
    let deadline = Deadline.after(.seconds(60))
    while !deadline.hasPassed {
      do throws(SystemError) {
        return try IPCKitTests.readOnce(reader.descriptor, count)
      } catch {
        guard error.errno == EAGAIN else { throw error }
        usleep(500)
      }
    }
    throw IPCError.deadlineExceeded(operation: "read")
  }

  /// Sends until the kernel takes no more for the moment; how much it took.
  func sendWithoutWaiting(_ bytes: [UInt8]) throws -> Int {
    try reader.descriptor.setNonBlocking(true)
    var sent = 0
    while sent < bytes.count {
      do throws(SystemError) {
        // Bytes seen as raw bytes: nothing is reinterpreted.
        sent += try unsafe reader.descriptor.write(bytes.span.bytes.extracting(droppingFirst: sent))
      } catch {
        guard error.errno == EAGAIN else { throw error }
        return sent
      }
    }
    return sent
  }
}
