// A windowctl on a terminal of a test's own, attached to a window.

internal import IPCKit
internal import Testing
internal import WindowProtocol

extension Askable {
  /// Runs windowctl on a terminal.
  func client(
    _ arguments: [String], on screen: Screen, environment: [String: String?] = [:]
  ) throws -> RunningProcess {
    var environment = environment
    environment["WINDOWD_SOCKET"] = socket
    return try screen.run([Programs.windowctl] + arguments, environment: environment)
  }

  /// Attaches, and returns when the terminal is lent, or it is known that it will not be.
  func attach(
    _ id: UInt64, on screen: Screen, _ options: String..., environment: [String: String?] = [:]
  ) throws -> RunningProcess {
    let before = try screen.settings
    let client = try client(["attach"] + options + ["\(id)"], on: screen, environment: environment)
    #expect(try eventually { try screen.settings != before || !client.facts.isAlive })
    return client
  }

  /// What a window keeps, as text.
  func text(of id: UInt64) throws -> String { String(decoding: try show(id).output.bytes, as: UTF8.self) }
}
