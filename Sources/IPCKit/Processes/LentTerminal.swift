// A user's terminal, lent to this process by the program that the user runs: shown on, typed on, and given back as it was.

internal import CIPCShim
internal import Glibc

/// A terminal that another process has passed to this one, watched by a loop, raw for as long as it is lent.
///
/// It has an open file of its own: what is set on it, non-blocking reads among it, never reaches the program that lent it or
/// the shell behind that. Reading from it is no business of the shell's job control as long as it is not the controlling
/// terminal of this process: see ``leaveControllingTerminal()``.
///
/// ```swift
/// func borrow(_ passed: consuming FileDescriptor, on loop: EventLoop) throws {
///   let terminal = try LentTerminal(LentTerminal.reopen(passed), on: loop)
///   _ = try terminal.write(Array("hello\r\n".utf8).span.bytes)
///   terminal.restore()
/// }
/// ```
public struct LentTerminal: ~Copyable {
  /// What was typed is read from it; non-blocking.
  public let source: EventSource
  private let before: TerminalSettings
  private let lent: TerminalSettings

  /// Opens a passed terminal once more, for an open file of this process's own: non-blocking, close-on-exec, and never the
  /// controlling terminal. open(2) of /proc/self/fd/N with O_NOCTTY.
  ///
  /// What is passed may be anything, also a file whose file system does not answer: not for a loop's thread, see
  /// ``EventLoop/blocking(_:)``.
  /// - Parameters:
  ///   - passed: what was received; it stays the caller's.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: ENOTTY for what is no terminal, or is a pseudo-terminal's master; ENXIO for /dev/tty, which would be another
  ///   terminal here; EACCES where this user may not open it; EIO for one that was hung up; EMFILE.
  public static func reopen(
    _ passed: borrowing FileDescriptor, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) -> FileDescriptor {
    let result = ipc_reopen_terminal(passed.number)
    return try FileDescriptor(checking: result, "open", "the passed terminal", at: CallSite(fileID, line))
  }

  /// Gives the terminal up that this process was started on, so that it can be lent one day: a process in the background is
  /// stopped when it reads from its controlling terminal, or changes its settings. Signals that are typed there still reach
  /// its process group. Nothing happens without such a terminal, and in a session's leader, which would hang up all others.
  /// open(2) of /dev/tty, ioctl(2) with TIOCNOTTY.
  /// - Throws: EMFILE, and what else the calls report.
  public static func leaveControllingTerminal() throws(SystemError) {
    _ = try SystemError.check(ipc_leave_terminal(), "leave", "/dev/tty")
  }

  /// Takes over a terminal that ``reopen(_:fileID:line:)`` has opened, and makes it raw. tcgetattr(3), tcsetattr(3),
  /// epoll_ctl(2).
  /// - Throws: EIO when it was hung up meanwhile; the descriptor is closed then.
  public init(_ terminal: consuming FileDescriptor, on loop: EventLoop) throws(SystemError) {
    let before = try TerminalSettings(of: terminal)
    let source = try EventSource(nonBlocking: terminal, on: loop)
    try before.raw.apply(to: source.descriptor)
    lent = try TerminalSettings(of: source.descriptor)
    self.before = before
    self.source = source
  }

  /// Its size; 0 by 0 where nobody has set it. ioctl(2) with TIOCGWINSZ.
  public var size: Terminal.Size {
    get throws(SystemError) { try Terminal.Size(of: source.descriptor) }
  }

  /// Shows: writes once. write(2).
  /// - Returns: how many bytes were taken.
  /// - Throws: EAGAIN while it is slow; EIO when it was hung up.
  public borrowing func write(_ bytes: RawSpan) throws(SystemError) -> Int {
    try source.descriptor.writeToTerminal(bytes)
  }

  /// Makes the settings what they were, unless somebody has changed them meanwhile: then they are no longer ours to change.
  /// tcsetattr(3). A terminal that was hung up needs nothing.
  public borrowing func restore() {
    guard let now = try? TerminalSettings(of: source.descriptor), now == lent else { return }
    try? before.apply(to: source.descriptor)
  }
}
