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
  /// Terminals that show it.
  var attachments: [Attachment] = []
  /// The same bytes as ``output``, and more of them, while there are terminals that may be slow.
  var recent = OutputRing(capacity: Window.mostBehind)
  /// What was typed and no program has taken yet.
  var typed: [UInt8] = []
  /// Waits until there is room for what was typed.
  var typing: Task<Void, Never>?
  /// Resumed when less of what was typed is left.
  var waitingTypist: CheckedContinuation<Void, Never>?
  /// Closing, or the daemon is about to end: it goes even if it is held.
  var isClosing = false

  /// How many bytes a terminal may be behind before it is shown the newest instead.
  private static let mostBehind = 4 << 20

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

  /// The attachment that types and says how large the window is.
  var owner: Attachment? { attachments.first { !$0.request.isReadOnly } }

  /// Keeps what was printed.
  func keep(_ bytes: ArraySlice<UInt8>) {
    output.append(bytes)
    if !attachments.isEmpty { recent.append(bytes) }
  }

  /// After the last terminal that showed it.
  func forgetRecent() { recent = OutputRing(capacity: Self.mostBehind) }

  /// Lets a keyboard be read on that waited because too much was typed.
  func resumeTypist() {
    waitingTypist?.resume()
    waitingTypist = nil
  }

  /// What `list-windows` tells.
  var information: WindowInformation {
    WindowInformation(
      id: id, title: specification.title ?? command.first ?? "", windowClass: specification.windowClass,
      command: command, workingDirectory: specification.workingDirectory, pid: live?.child.processID,
      hold: specification.hold, columns: size.columns, rows: size.rows, exit: exit.map(ChildExit.init),
      attached: owner?.client)
  }
}
