// A window: its properties and its output, and, while its child lives, the terminal and the child themselves.

internal import Glibc
internal import IPCKit
internal import WindowProtocol

/// The two descriptors that a window costs: they go when the child has ended, whatever becomes of the window.
final class LiveTerminal {
  let terminal: Terminal
  let child: ChildProcess

  init(terminal: consuming Terminal, child: consuming ChildProcess) {
    self.terminal = terminal
    self.child = child
  }
}

/// A window of the table's, which alone touches it.
final class Window {
  let id: UInt64
  let record: WindowRecord
  /// When it was opened, in seconds since 1970; nil when an earlier daemon has not written it down.
  let opened: Int64?
  /// Where it outlives this process; nil where it does not.
  var state: WindowState?
  /// What it printed last, where there is no state that has it.
  var ring: OutputRing
  /// As the state has it.
  var size: Terminal.Size
  /// Settings for this window alone.
  var settings: [Setting]
  /// Nil when the child has ended.
  var live: LiveTerminal?
  /// Known before the state has it, and before the last of the output was read.
  var exit: ExitStatus?
  /// Terminals that show it.
  var attachments: [Attachment] = []
  /// The same bytes as the state has, and more of them, while there are terminals that may be slow.
  var recent = OutputRing(capacity: Window.mostBehind)
  /// What was typed and no program has taken yet.
  var typed: [UInt8] = []
  /// Waits until there is room for what was typed.
  var typing: Task<Void, Never>?
  /// Closing, or the daemon is about to end: it goes even if it is held.
  var isClosing = false

  /// How many bytes a terminal may be behind before it is shown the newest instead.
  private static let mostBehind = 4 << 20

  init(
    id: UInt64, _ record: WindowRecord, _ settings: [Setting], _ configuration: Configuration, live: LiveTerminal
  ) {
    self.id = id
    self.record = record
    self.settings = settings
    self.live = live
    (size, opened) = (configuration.size, Int64(time(nil)))
    ring = OutputRing(capacity: configuration.scrollback)
  }

  /// One whose properties and output are in a state.
  init(id: UInt64, _ record: WindowRecord, _ settings: [Setting], state: consuming WindowState, live: LiveTerminal?) {
    self.id = id
    self.record = record
    self.settings = settings
    self.live = live
    (size, opened, exit) = (state.size, state.opened, state.exit)
    ring = OutputRing(capacity: 1)
    self.state = consume state
  }

  var specification: WindowSpecification { record.specification }

  /// The attachment that types and says how large the window is.
  var owner: Attachment? { attachments.first { !$0.request.isReadOnly } }

  /// After the last terminal that showed it.
  func forgetRecent() { recent = OutputRing(capacity: Self.mostBehind) }

  /// Lets keyboards be read on that waited because too much was typed.
  func resumeTypists() {
    for attachment in attachments { attachment.resumeKeyboard() }
  }

  /// What `list-windows` tells.
  var information: WindowInformation {
    WindowInformation(
      id: id, title: specification.title ?? record.command.first ?? "", windowClass: specification.windowClass,
      command: record.command, workingDirectory: specification.workingDirectory, pid: live?.child.processID,
      hold: specification.hold, columns: size.columns, rows: size.rows, exit: exit.map(ChildExit.init),
      attached: owner?.client, opened: opened)
  }
}
