// What windowctl prints. What a child or another client wrote is shown, not obeyed, unless somebody asks for it raw.

internal import ArgumentParser
internal import Glibc
internal import IPCKit
internal import WindowProtocol

/// Standard output and error.
enum Output {
  /// Whether somebody looks at standard output.
  static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  /// Writes bytes as they are. An answer that cannot be written is a failure, so that nobody takes it for complete.
  static func write(_ bytes: [UInt8]) throws(ClientFailure) {
    guard write(bytes, to: STDOUT_FILENO) else {
      throw .failed("\(SystemError(errno: errno, operation: "write", object: "standard output"))")
    }
  }

  /// Writes a line of JSON; for a terminal with what could move its cursor as escapes of JSON's own.
  static func json(_ line: [UInt8], raw: Bool) throws(ClientFailure) {
    try write(isTerminal && !raw ? Array(DisplayText.escapedJSON(line).utf8) : line)
  }

  /// Writes a line of foreign text: escaped, or as it is.
  static func line(_ text: String, raw: Bool = false) throws(ClientFailure) {
    try write(Array((raw ? text : DisplayText.escaped(text)).utf8) + [UInt8(ascii: "\n")])
  }

  /// Writes rows in columns as wide as their widest entry.
  static func table(_ rows: [[String]], raw: Bool) throws(ClientFailure) {
    let shown = rows.map { $0.map { raw ? $0 : DisplayText.escaped($0) } }
    let widths = (0..<(rows.first?.count ?? 0)).map { column in shown.map { $0[column].count }.max() ?? 0 }
    for row in shown {
      let cells = row.enumerated().map { column, cell in
        column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
      }
      try write(Array((cells.joined(separator: "  ") + "\n").utf8))
    }
  }

  /// Runs `body` and exits with its status, or with one for its failure, which is told.
  static func exiting(
    _ options: ClientOptions, failingWith status: (ClientFailure) -> Int32 = \.exitCode,
    _ body: () throws(ClientFailure) -> Int32
  ) throws {
    let code: Int32
    do throws(ClientFailure) {
      code = try body()
    } catch {
      if options.json { try? json(error.line, raw: options.raw) }
      complain(error.message)
      code = status(error)
    }
    if code != 0 { throw ExitCode(code) }
  }

  /// Writes a message to standard error.
  static func complain(_ message: String) {
    _ = write(Array("windowctl: \(DisplayText.escaped(message))\n".utf8), to: STDERR_FILENO)
  }

  private static func write(_ bytes: [UInt8], to stream: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      // As many bytes as the slice has.
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(stream, $0.baseAddress, $0.count) }
      guard count >= 0 || errno == EINTR else { return false }
      rest = rest.dropFirst(max(count, 0))
    }
    return true
  }
}
