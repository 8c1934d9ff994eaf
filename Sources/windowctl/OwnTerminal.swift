// This process's terminal while a window is shown on it: lent to windowd, which reads and writes it, and in the end as it
// was, however the daemon has left it.

internal import Glibc
internal import IPCKit
internal import TerminalText
internal import WindowProtocol

/// The terminal that windowctl runs on.
struct OwnTerminal: ~Copyable, Sendable {
  /// To be lent: an open file of its own, of the terminal itself, since /dev/tty would be another one in the daemon.
  let descriptor: FileDescriptor
  private let before: TerminalSettings

  /// Opens the terminal of standard input. ttyname(3), open(2).
  init() throws(ClientFailure) {
    guard isatty(STDIN_FILENO) == 1, let name = unsafe ttyname(STDIN_FILENO) else {
      throw .failed("standard input is no terminal: a window needs one to be attached to")
    }
    // In the background, a shell's next program would find the terminal raw.
    guard tcgetpgrp(STDIN_FILENO) == getpgrp() else {
      throw .failed("windowctl is not in the foreground of its terminal")
    }
    do throws(SystemError) {
      // Copied at once.
      let descriptor = try FileDescriptor(opening: unsafe String(cString: name), O_RDWR)
      before = try TerminalSettings(of: descriptor)
      self.descriptor = descriptor
    } catch {
      throw .failed("\(error)")
    }
  }

  /// Its size; nil where nobody has set it.
  var size: Terminal.Size? {
    guard let size = try? Terminal.Size(of: descriptor), size.columns > 0, size.rows > 0 else { return nil }
    return size
  }

  /// Makes its settings what they were.
  func restore() { try? before.apply(to: descriptor) }

  /// Makes it what it was, and says why.
  func restore(_ message: String) {
    restore()
    let farewell = TerminalReset.sequence + DisplayText.escaped(message) + "\n"
    // A terminal that was hung up needs nothing.
    try? descriptor.writeAll(farewell, deadline: .after(.seconds(1)))
  }
}
