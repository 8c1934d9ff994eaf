// What windowctl prints. What a child or another client wrote is shown, not obeyed, unless somebody asks for it raw.

internal import ArgumentParser
internal import IPCKit
internal import TerminalText

/// Standard output and error.
enum Output {
  /// Whether somebody looks at standard output.
  static var isTerminal: Bool { OutputStream.output.isTerminal }

  /// Writes bytes as they are. An answer that cannot be written is a failure, so that nobody takes it for complete.
  static func write(_ bytes: [UInt8]) throws(ClientFailure) {
    do throws(SystemError) { try OutputStream.output.write(bytes) } catch { throw .failed("\(error)") }
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
    for line in TextTable.lines(rows.map { $0.map { raw ? $0 : DisplayText.escaped($0) } }) {
      try write(Array((line + "\n").utf8))
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
  static func complain(_ message: String) { OutputStream.complain(message, as: "windowctl") }
}
