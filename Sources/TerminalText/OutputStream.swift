// What a program prints, written whole or known not to be: an answer that was cut off must not be taken for complete.

internal import Glibc
package import IPCKit

/// Standard output or standard error.
package enum OutputStream: Int32, Sendable {
  case output = 1
  case errors = 2

  /// Whether somebody looks at it. isatty(3).
  package var isTerminal: Bool { isatty(rawValue) == 1 }

  /// Writes all bytes as they are. write(2).
  package func write(_ bytes: [UInt8]) throws(SystemError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      // As many bytes as the slice has.
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(rawValue, $0.baseAddress, $0.count) }
      guard count >= 0 || errno == EINTR else {
        throw SystemError(
          errno: errno, operation: "write", object: self == .output ? "standard output" : "standard error")
      }
      rest = rest.dropFirst(max(count, 0))
    }
  }

  /// Writes a message of a program's to standard error, as one line.
  package static func complain(_ message: String, as program: String) {
    try? errors.write(Array("\(program): \(DisplayText.escaped(message))\n".utf8))
  }
}
