// The side of a pseudo-terminal that a terminal emulator holds.

internal import CIPCShim
internal import Glibc

/// A pseudo-terminal's master, watched by a loop.
///
/// ```swift
/// func type(_ text: String, on loop: EventLoop) throws {
///   let terminal = try Terminal(size: Terminal.Size(columns: 80, rows: 24), on: loop)
///   _ = try terminal.write(text.utf8Span.span.bytes)
/// }
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
  /// - Parameters:
  ///   - size: in characters.
  ///   - loop: where it is watched.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: EMFILE; ENOSPC when the system has no more terminals.
  public init(
    size: Size, on loop: EventLoop, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) {
    let result = ipc_open_terminal(size.columns, size.rows)
    let master = try FileDescriptor(checking: result, "open", "/dev/ptmx", at: CallSite(fileID, line))
    source = try EventSource(nonBlocking: master, on: loop)
  }

  /// Takes over the master of a pseudo-terminal that another process opened, such as the one that this one was restarted
  /// from. ioctl(2) with TIOCGPTN, fcntl(2), epoll_ctl(2).
  /// - Throws: ENOTTY for what is no such master; the descriptor is closed then.
  public init(adopting master: consuming FileDescriptor, on loop: EventLoop) throws(SystemError) {
    _ = try SystemError.check(ipc_terminal_number(master.number), "ioctl TIOCGPTN")
    source = try EventSource(master, on: loop)
  }

  /// Changes the size and sends SIGWINCH to the programs inside. ioctl(2) with TIOCSWINSZ.
  public borrowing func resize(to size: Size) throws(SystemError) {
    let result = ipc_set_terminal_size(source.descriptor.number, size.columns, size.rows)
    _ = try SystemError.check(result, "ioctl TIOCSWINSZ")
  }

  /// Types: writes once what the programs inside are to read. write(2).
  /// - Returns: how many bytes were taken.
  /// - Throws: EAGAIN while nobody reads what was typed before; EIO when no program has the terminal any more.
  public borrowing func write(_ bytes: RawSpan) throws(SystemError) -> Int {
    try source.descriptor.writeToTerminal(bytes)
  }

  /// Has the programs in the foreground draw anew. ioctl(2) with TIOCGPGRP, kill(2) with SIGWINCH.
  ///
  /// They need not be there, nor be this user's: then nothing happens.
  public borrowing func redraw() {
    let group = ipc_terminal_foreground(source.descriptor.number)
    if group > 1 { _ = ipc_signal_group(group, SIGWINCH) }
  }

  /// Whether `terminal` is the side that the programs inside have. ioctl(2) with TIOCGPTN and TIOCGPTPEER, fstat(2).
  /// - Throws: EMFILE.
  public borrowing func isOtherSide(of terminal: borrowing FileDescriptor) throws(SystemError) -> Bool {
    let result = ipc_terminal_is_masters_other_side(source.descriptor.number, terminal.number)
    return try SystemError.check(result, "ioctl TIOCGPTPEER") == 1
  }
}

extension Terminal.Size {
  /// That of a terminal, from either side; 0 by 0 where nobody has set it. ioctl(2) with TIOCGWINSZ.
  /// - Throws: ENOTTY for what is no terminal, EIO for one that was hung up.
  public init(of terminal: borrowing FileDescriptor) throws(SystemError) {
    var (columns, rows): (UInt16, UInt16) = (0, 0)
    // The shim writes two integers and keeps no pointer.
    _ = try SystemError.check(unsafe ipc_terminal_size(terminal.number, &columns, &rows), "ioctl TIOCGWINSZ")
    self.init(columns: columns, rows: rows)
  }
}

extension FileDescriptor {
  /// write(2), once. To a terminal it raises no signal that would have to be held off.
  borrowing func writeToTerminal(_ bytes: RawSpan) throws(SystemError) -> Int {
    // The shim reads within the bounds that it is given, and keeps no pointer.
    let put = unsafe bytes.withUnsafeBytes { bytes in
      unsafe bytes.baseAddress.map { unsafe ipc_write(number, $0, bytes.count) } ?? 0
    }
    return Int(try SystemError.check(put, "write"))
  }
}
