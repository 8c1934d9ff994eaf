// How a terminal treats what is typed and printed, kept so that it can be as it was.

internal import CIPCShim

/// The settings of a terminal, as termios(3) has them.
///
/// ```swift
/// func readKey(of terminal: borrowing FileDescriptor, into room: inout MutableRawSpan) throws {
///   let before = try TerminalSettings(of: terminal)
///   try before.raw.apply(to: terminal)
///   defer { try? before.apply(to: terminal) }
///   _ = try terminal.read(into: &room)
/// }
/// ```
public struct TerminalSettings: Sendable, Equatable {
  private var settings: ipc_terminal_settings

  /// Those that hold now. tcgetattr(3).
  /// - Throws: ENOTTY for what is no terminal, EIO for one that was hung up.
  public init(of terminal: borrowing FileDescriptor) throws(SystemError) {
    var settings = ipc_terminal_settings()
    // The shim fills the structure and keeps no pointer.
    _ = try SystemError.check(unsafe ipc_get_terminal_settings(terminal.number, &settings), "tcgetattr")
    self.settings = settings
  }

  /// The same but raw: every byte passes as it is, both ways, and none is a signal. cfmakeraw(3).
  public var raw: TerminalSettings {
    var changed = self
    // The shim changes the structure and keeps no pointer.
    unsafe ipc_make_raw(&changed.settings)
    return changed
  }

  /// Makes them the terminal's, at once; what was typed already stays. tcsetattr(3) with TCSANOW.
  /// - Throws: EIO for a terminal that was hung up.
  public func apply(to terminal: borrowing FileDescriptor) throws(SystemError) {
    var settings = settings
    // The shim reads the structure and keeps no pointer.
    _ = try SystemError.check(unsafe ipc_set_terminal_settings(terminal.number, &settings), "tcsetattr")
  }

  /// Whether all is the same.
  public static func == (left: TerminalSettings, right: TerminalSettings) -> Bool {
    let (left, right) = (left.settings.content, right.settings.content)
    return left.0 == right.0 && left.1 == right.1 && left.2 == right.2 && left.3 == right.3 && left.4 == right.4
      && left.5 == right.5 && left.6 == right.6 && left.7 == right.7
  }
}
