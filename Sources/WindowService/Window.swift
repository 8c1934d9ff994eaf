// A window: its properties and its output, and, while its child lives, the terminal and the child themselves.

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
  let specification: WindowSpecification
  let command: [String]
  /// Settings for this window alone.
  var settings: [Setting]
  var size: Terminal.Size
  var output: OutputRing
  /// Nil when the child has ended.
  var live: LiveTerminal?
  var exit: ExitStatus?
  /// Closing, or the daemon is about to end: it goes even if it is held.
  var isClosing = false

  init(
    id: UInt64, specification: WindowSpecification, command: [String], settings: [Setting],
    configuration: Configuration, live: LiveTerminal
  ) {
    self.id = id
    self.specification = specification
    self.command = command
    self.settings = settings
    self.size = configuration.size
    self.output = OutputRing(capacity: configuration.scrollback)
    self.live = live
  }

  /// What `list-windows` tells.
  var information: WindowInformation {
    WindowInformation(
      id: id, title: specification.title ?? command.first ?? "", windowClass: specification.windowClass,
      command: command, workingDirectory: specification.workingDirectory, pid: live?.child.processID,
      hold: specification.hold, columns: size.columns, rows: size.rows, exit: exit.map(ChildExit.init))
  }
}
