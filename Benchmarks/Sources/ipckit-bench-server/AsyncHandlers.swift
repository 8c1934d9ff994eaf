// The modes as async handlers: one task for each connection, written as the library's documentation writes them.

internal import IPCKit

/// The handlers of `Server.run`.
enum AsyncHandlers {
  /// What `mode` does to a connection.
  static func handler(for mode: Mode) -> @Sendable (consuming Connection) async throws -> Void {
    switch mode {
    case .echo: echo
    case .reply: reply
    case .count: count
    }
  }

  @Sendable private static func echo(_ connection: consuming Connection) async throws {
    var input = connection.input
    while let line = try await input.nextLine() {
      try await connection.writeLine(line)
    }
  }

  @Sendable private static func reply(_ connection: consuming Connection) async throws {
    guard try await connection.nextLine() != nil else { return }
    try await connection.write(okay)
  }

  @Sendable private static func count(_ connection: consuming Connection) async throws {
    var lines = 0
    while try await connection.nextLine() != nil { lines += 1 }
    try await connection.write(Array("\(lines)\n".utf8))
  }

  private static let okay = Array("{\"ok\":true}\n".utf8)
}
