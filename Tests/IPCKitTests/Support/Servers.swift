// A server on a loop's thread and its clients on another, as in life.

import Glibc
import IPCKit

/// What a server runs for each connection, on its loop.
typealias Handler = nonisolated(nonsending) @Sendable (consuming Connection) async throws -> Void

/// Serves `path` while `clients` run, then cancels the server and waits for its end.
@discardableResult
func withServer<Value: Sendable>(
  at path: String, admitting policy: PeerPolicy = .sameUserOrRoot, limits: ServerLimits = ServerLimits(),
  startingAt start: HandlerStart = .firstByte, observe: @escaping @Sendable (Server.Event) -> Void = { _ in },
  _ handler: @escaping Handler,
  clients: @escaping @Sendable () throws -> Value
) async throws -> Value {
  try await withLoop { loop in
    // Bound before the first suspension, so that the clients find it.
    let server = Task.immediate(executorPreference: loop) {
      let listener = try UnixListener(binding: .path(path))
      let server = Server(listener, on: loop, admitting: policy, limits: limits, observe: observe)
      try await server.run(startingAt: start, handler)
    }
    let result: Result<Value, any Error>
    do { result = .success(try await onOwnThread(clients)) } catch { result = .failure(error) }
    server.cancel()
    try await server.value
    return try result.get()
  }
}

/// A client that blocks, with a deadline for everything.
struct Client: ~Copyable {
  private static let soon = Duration.seconds(60)
  var reader: BufferedReader

  init(_ path: String, descriptorLimit: Int = 0) throws {
    let stream = try UnixStream(connectingTo: .path(path), deadline: .after(Self.soon))
    reader = BufferedReader(stream.descriptor, descriptorLimit: descriptorLimit)
  }

  func send(_ text: String) throws { try reader.descriptor.writeAll(text, deadline: .after(Self.soon)) }

  func endSending() throws { try reader.descriptor.shutdownSending() }

  mutating func line() throws -> String? { try reader.nextLine(as: String.self, deadline: .after(Self.soon)) }

  /// All that comes until the end.
  mutating func rest() throws -> [String] {
    var lines: [String] = []
    while let line = try line() { lines.append(line) }
    return lines
  }
}

/// Answers each line with itself.
nonisolated(nonsending) func echo(_ connection: consuming Connection) async throws {
  while let line = try await connection.nextLine(as: [UInt8].self) {
    try await connection.write(line + [UInt8(ascii: "\n")])
  }
}

/// What a server reports, in words.
func describe(_ event: Server.Event) -> String {
  switch event {
  case .refused(let reason, let peer): "refused \(reason) \(peer.map { "\($0.userID)" } ?? "?")"
  case .failed(let error): "failed \(error)"
  case .acceptFailed(let error): "accept failed \(error)"
  }
}

struct HandlerFailed: Error, CustomStringConvertible { let description = "handler failed" }
