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
  private let output: Mutex<Output>
  private let dropped = Atomic<Int>(0)

  /// Looks once whether standard error is the journal: systemd tells its device and inode in JOURNAL_STREAM.
  package init() {
    var status = stat()
    // fstat fills the structure and keeps no pointer.
    let known = unsafe fstat(STDERR_FILENO, &status) == 0
    output = Mutex(Output(terminal: isatty(STDERR_FILENO) == 1 ? Self.openTerminal() : nil))
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

  /// Lets go of the terminal: whoever has started this does not want to hear of it any more.
  func leaveTerminal() { output.withLock { $0.leaveTerminal() } }

  /// False when the line, or a part of it, would have had to wait.
  private func emit(_ level: Level, _ message: String) -> Bool {
    let text = (toJournal ? "<\(level.rawValue)>" : "windowd: ") + DisplayText.escaped(message)
    var line = Array(text.utf8.prefix(4000))
    line.append(UInt8(ascii: "\n"))
    return output.withLock { $0.write(line) }
  }

  private static func openTerminal() -> FileDescriptor? {
    try? FileDescriptor(opening: "/proc/self/fd/2", O_WRONLY | O_NONBLOCK)
  }
}

/// Standard error, and what became of the last line there.
private struct Output: ~Copyable {
  /// Nil when standard error is no terminal.
  private var terminal: FileDescriptor?
  /// A terminal that cannot be opened again, as another user's: it takes a byte without waiting when poll(2) says so, and
  /// of more nobody knows.
  private var mostAtOnce: Int
  /// Whether the last line has no end: there was no room for more of it.
  private var isCut = false

  init(terminal: consuming FileDescriptor?) {
    mostAtOnce = terminal == nil && isatty(STDERR_FILENO) == 1 ? 1 : .max
    self.terminal = terminal
  }

  /// What is written from now on goes to standard error, which is no terminal.
  mutating func leaveTerminal() {
    terminal = nil
    mostAtOnce = .max
  }

  /// Writes a line as far as there is room, on a line of its own; false when that is not all of it.
  mutating func write(_ line: [UInt8]) -> Bool {
    let newline = UInt8(ascii: "\n")
    let bytes = isCut ? [newline] + line : line
    var rest = bytes[...]
    while !rest.isEmpty, let count = writeOnce(rest) {
      rest = rest.dropFirst(count)
      isCut = bytes[rest.startIndex - 1] != newline
    }
    return rest.isEmpty
  }

  /// Nil when nothing is taken without waiting.
  private func writeOnce(_ bytes: ArraySlice<UInt8>) -> Int? {
    let written: Int?
    if terminal != nil {
      // Bytes seen as raw bytes: nothing is reinterpreted.
      written = unsafe try? terminal?.write(bytes.span.bytes)
    } else {
      var entry = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
      // One entry, and as many bytes as the slice has.
      guard unsafe poll(&entry, 1, 0) == 1, entry.revents & Int16(POLLOUT) != 0 else { return nil }
      let some = bytes.prefix(mostAtOnce)
      written = unsafe some.withUnsafeBytes { unsafe Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
    return written.flatMap { $0 > 0 ? $0 : nil }
  }
}
