// The side of a pseudo-terminal that a terminal emulator holds.

internal import CIPCShim

/// A pseudo-terminal's master, watched by a loop.
///
/// ```swift
/// let terminal = try Terminal(size: Terminal.Size(columns: 80, rows: 24), on: loop)
/// ```
public struct Terminal: ~Copyable {
  /// In characters.
  public struct Size: Hashable, Sendable {
    /// The width.
    public var columns: UInt16
    /// The height.
    public var rows: UInt16

    /// A size from its parts.
    public init(columns: UInt16, rows: UInt16) {
      self.columns = columns
      self.rows = rows
    }
  }

  /// The master: what the child prints is read from it.
  public let source: EventSource

  /// Opens a new pseudo-terminal. open(2) of /dev/ptmx, ioctl(2) with TIOCSPTLCK and TIOCSWINSZ, epoll_ctl(2).
  /// - Throws: EMFILE; ENOSPC when the system has no more terminals.
  public init(size: Size, on loop: EventLoop) throws(SystemError) {
    let master = try FileDescriptor(checking: ipc_open_terminal(size.columns, size.rows), "open", "/dev/ptmx")
    source = try EventSource(nonBlocking: master, on: loop)
  }

  /// Changes the size and sends SIGWINCH to the programs inside. ioctl(2) with TIOCSWINSZ.
  public borrowing func resize(to size: Size) throws(SystemError) {
    let result = ipc_set_terminal_size(source.descriptor.number, size.columns, size.rows)
    _ = try SystemError.check(result, "ioctl TIOCSWINSZ")
  }
}
