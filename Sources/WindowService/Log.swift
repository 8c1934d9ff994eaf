// Log lines on standard error. Nothing that a client names can forge one, and a log that nobody reads stops nobody.

internal import Glibc
internal import IPCKit
internal import Synchronization
internal import TerminalText
internal import WindowProtocol

/// Writes lines to standard error, with `<N>` in front when that is the journal.
///
/// A pipe or a socket that poll(2) calls writable takes a line of less than PIPE_BUF without waiting. A terminal does not:
/// it is opened a second time, for a file description that does not block and that nobody shares.
package final class Log: Sendable {
  /// syslog(3)'s levels.
  package enum Level: Int, Sendable {
    case error = 3
    case warning = 4
    case information = 6
  }

  private let toJournal: Bool
  private let terminal: Mutex<FileDescriptor?>
  private let dropped = Atomic<Int>(0)

  /// Looks once whether standard error is the journal: systemd tells its device and inode in JOURNAL_STREAM.
  package init() {
    var status = stat()
    // fstat fills the structure and keeps no pointer.
    let known = unsafe fstat(STDERR_FILENO, &status) == 0
    terminal = Mutex(isatty(STDERR_FILENO) == 1 ? Self.openTerminal() : nil)
    toJournal = known && Environment.inherited["JOURNAL_STREAM"] == "\(status.st_dev):\(status.st_ino)"
  }

  /// Writes one line. What came from others belongs in it as it is: control characters are escaped here.
  package func write(_ level: Level, _ message: String) {
    let lost = dropped.exchange(0, ordering: .relaxed)
    if lost > 0, !emit(.warning, "\(lost) log lines were lost: nobody read them") {
      dropped.add(lost, ordering: .relaxed)
    }
    if !emit(level, message) { dropped.add(1, ordering: .relaxed) }
  }

  /// False when the line would have had to wait.
  private func emit(_ level: Level, _ message: String) -> Bool {
    let text = (toJournal ? "<\(level.rawValue)>" : "windowd: ") + DisplayText.escaped(message)
    var line = Array(text.utf8.prefix(4000))
    line.append(UInt8(ascii: "\n"))
    if let written = writeToTerminal(line) { return written }
    var rest = line[...]
    while !rest.isEmpty {
      var entry = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
      // One entry, and as many bytes as the array has.
      guard unsafe poll(&entry, 1, 0) == 1, entry.revents & Int16(POLLOUT) != 0 else { return false }
      let written = unsafe rest.withUnsafeBytes { unsafe Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      guard written > 0 else { return false }
      rest = rest.dropFirst(written)
    }
    return true
  }

  /// Nil when standard error is no terminal.
  private func writeToTerminal(_ line: [UInt8]) -> Bool? {
    terminal.withLock { terminal in
      guard terminal != nil else { return nil }
      // Bytes seen as raw bytes: nothing is reinterpreted.
      return unsafe (try? terminal?.write(line.span.bytes)) != nil
    }
  }

  private static func openTerminal() -> FileDescriptor? {
    // The path is a C string for the length of the call, and the number nobody else's.
    let number = unsafe open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
    return number < 0 ? nil : unsafe FileDescriptor(owning: number)
  }
}
