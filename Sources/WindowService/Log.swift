// Log lines on standard error. Nothing that a client names can forge one, and a log that nobody reads stops nobody.

internal import Glibc
internal import IPCKit
internal import Synchronization
internal import WindowProtocol

/// Writes lines to standard error, with `<N>` in front when that is the journal.
package final class Log: Sendable {
  /// syslog(3)'s levels.
  package enum Level: Int, Sendable {
    case error = 3
    case warning = 4
    case information = 6
  }

  private let toJournal: Bool
  private let dropped = Atomic<Int>(0)

  /// Looks once whether standard error is the journal: systemd tells its device and inode in JOURNAL_STREAM.
  package init() {
    var status = stat()
    // fstat fills the structure and keeps no pointer.
    let known = unsafe fstat(STDERR_FILENO, &status) == 0
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
    // A pipe that can be written takes this much without waiting (PIPE_BUF).
    var line = Array(text.utf8.prefix(4000))
    line.append(UInt8(ascii: "\n"))
    var entry = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
    // One entry, and as many bytes as the array has.
    guard unsafe poll(&entry, 1, 0) == 1, entry.revents & Int16(POLLOUT) != 0 else { return false }
    return unsafe line.withUnsafeBytes { unsafe Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) } >= 0
  }
}
