// What a program prints, written whole or known not to be: an answer that was cut off must not be taken for complete.

internal import Glibc
package import IPCKit

/// Standard output or standard error.
package enum OutputStream: Int32, Sendable {
  case output = 1
  case errors = 2

  /// Whether somebody looks at it. isatty(3).
  package var isTerminal: Bool { isatty(rawValue) == 1 }

  /// Writes all bytes as they are. poll(2), write(2).
  /// - Throws: EINTR when nobody takes them and a signal that this program blocks waits to end it.
  package func write(_ bytes: [UInt8]) throws(SystemError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      try waitForRoom()
      // As many bytes as the slice has; not more than there is room for in a pipe that has some.
      let count = unsafe rest.prefix(Int(PIPE_BUF)).withUnsafeBytes {
        unsafe Glibc.write(rawValue, $0.baseAddress, $0.count)
      }
      guard count >= 0 || errno == EINTR || errno == EAGAIN else { throw failure(errno) }
      rest = rest.dropFirst(max(count, 0))
    }
  }

  /// Waits for as long as nobody takes what was written before, and no signal is blocked that would end this process.
  private func waitForRoom() throws(SystemError) {
    var question = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
    // One, for the length of the call. What poll(2) cannot tell, the writing will.
    while unsafe poll(&question, 1, 100) == 0 {
      if Self.endIsPending { throw failure(EINTR) }
    }
  }

  /// Whether a signal waits that asks for the end. sigpending(2).
  private static var endIsPending: Bool {
    var pending = sigset_t()
    // Both functions read and write the set alone.
    return unsafe sigpending(&pending) == 0
      && [SIGINT, SIGTERM, SIGHUP, SIGQUIT].contains { unsafe sigismember(&pending, $0) == 1 }
  }

  private func failure(_ number: Int32) -> SystemError {
    SystemError(errno: number, operation: "write", object: self == .output ? "standard output" : "standard error")
  }

  /// Writes a message of a program's to standard error, as one line.
  package static func complain(_ message: String, as program: String) {
    try? errors.write(Array("\(program): \(DisplayText.escaped(message))\n".utf8))
  }
}
