// Windows of the process before this one: taken over as they are, one by one, so that what is wrong with one costs that one
// alone.

internal import Glibc
internal import IPCKit
internal import WindowProtocol

extension WindowTable {
  /// Takes over what the journal and the service manager have kept. Before anybody asks for a window.
  func restore(_ stored: [StoredWindow]) async {
    readJournal()
    for window in stored {
      noteID(window.id)
      do {
        // Gone, and still on its way out of the store when the process ended.
        if records[window.id] == nil { try restore(window) }
      } catch {
        log.write(.error, "window \(window.id) is lost: \(error)")
      }
      window.discard()
      if windows[window.id] == nil { await store?.forget(window.id) }
    }
    rewriteJournal()
    if !windows.isEmpty { log.write(.information, "\(windows.count) windows are still there") }
  }

  private func restore(_ stored: StoredWindow) throws {
    guard let file = stored.takeState() else { throw LostWindow.stateMissing }
    let state = try WindowState.restore(file, id: stored.id)
    let (record, settings) = (try state.record, try state.settings)
    let live = state.exit == nil ? try restoreChild(stored, state.process) : nil
    let window = Window(id: stored.id, record, settings, state: state, live: live)
    windows[window.id] = window
    // Settings that do not hold any more are no reason to lose a window: it keeps as much output as it did.
    try? fitOutput(of: window)
    if live != nil { supervise(window) } else { childHasEnded(window) }
  }

  /// No other window is given this id, or a lower one. One that is too high to count on from was never given.
  private func noteID(_ id: UInt64) {
    if id <= UInt64(Int64.max) { lastID = max(lastID, id) }
  }

  /// The terminal and the process, whichever of them comes first.
  private func restoreChild(_ stored: StoredWindow, _ number: Int32) throws -> LiveTerminal {
    var terminal: FileDescriptor?
    var process: FileDescriptor?
    while let descriptor = stored.takeOfChild() {
      let isTerminal = (try? Terminal.Size(of: descriptor)) != nil
      if isTerminal { terminal = consume descriptor } else { process = consume descriptor }
    }
    guard let terminal = terminal.take() else { throw LostWindow.terminalMissing }
    guard let process = process.take() else { throw LostWindow.processMissing }
    let handle = ProcessHandle(process)
    guard Self.isProcess(handle) else { throw LostWindow.processMissing }
    return LiveTerminal(
      terminal: try Terminal(adopting: terminal, on: loop),
      child: ChildProcess(adopting: handle, processID: number, on: loop))
  }

  /// Whether it is one at all; it may have ended, or be another user's by now.
  private static func isProcess(_ handle: borrowing ProcessHandle) -> Bool {
    do throws(SystemError) { try handle.signal(0) } catch { return error.errno != EBADF }
    return true
  }
}

// MARK: - The journal

extension WindowTable {
  /// Takes over what was written down of the daemon as a whole.
  private func readJournal() {
    for entry in journal.read() {
      if let id = entry.id { noteID(id) }
      if let ended = entry.ended {
        noteID(ended.id)
        records.record(ended.id, ended.exit.exitStatus)
      }
      guard let texts = entry.settings else { continue }
      do throws(ConfigurationError) {
        try settings.change(texts, reset: true)
      } catch {
        log.write(.warning, "settings from before the restart do not hold any more: \(error)")
      }
    }
  }

  /// Writes down what has happened, and everything anew when too much has, or some of it could not be written.
  func write(_ entry: Journal.Entry) {
    journal.add(entry)
    if journal.isLong || journal.isIncomplete { rewriteJournal() }
  }

  private func rewriteJournal() {
    let ended = records.all.map { Journal.Entry(ended: Reply.Ended(id: $0, exit: ChildExit($1))) }
    journal.rewrite([Journal.Entry(id: lastID), Journal.Entry(settings: settings.messages.map(\.text))] + ended)
  }
}

/// What is missing of a window.
private enum LostWindow: Error, CustomStringConvertible {
  case stateMissing
  case terminalMissing
  case processMissing

  var description: String {
    switch self {
    case .stateMissing: "its state is missing"
    case .terminalMissing: "its terminal is missing"
    case .processMissing: "its process is missing"
    }
  }
}
