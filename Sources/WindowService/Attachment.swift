// A window on a user's terminal: which bytes it has seen, and what it sees instead of those that it was too slow for.

internal import Glibc
internal import IPCKit
internal import WindowProtocol

/// A terminal that shows a window. The table of windows alone touches it.
final class Attachment {
  /// Names it for ever.
  let ticket: UInt64
  let window: Window
  let terminal: LentTerminal
  let request: AttachRequest
  /// The client's process.
  let client: Int32
  /// The window that the terminal itself is in, if it is one of ours.
  let outerWindow: UInt64?

  /// Shown before any more of the window's own bytes.
  private var first: [UInt8]
  /// How much of it was.
  private var firstShown = 0
  /// Which of the window's bytes is shown next, counted as ``OutputRing/total`` counts.
  private var position: UInt64
  /// Whether what it shows next waits for the terminal.
  var isWaitingForRoom = false
  /// Took nothing for a while, and has not caught up since: nobody waits for it.
  var isSlow = false
  /// Resumed when the terminal has caught up, or is known to be slow.
  private var waitingReader: CheckedContinuation<Void, Never>?
  /// The beginning of a key's sequence, typed already, whose end has not been read yet.
  var unfinishedKey: [UInt8] = []
  /// Reads what is typed.
  var keyboard: Task<Void, Never>?
  /// Resumed when less of what was typed is left for the program to take.
  var waitingKeyboard: CheckedContinuation<Void, Never>?
  /// Shows when there is room.
  var writer: Task<Void, Never>?
  /// Why it is about to end.
  var end: Reply.AttachmentEnd.Reason?
  /// Whether its client has gone, and cannot clear up the terminal behind it.
  var isAbandoned = false

  init(
    ticket: UInt64, window: Window, terminal: consuming LentTerminal, request: AttachRequest, client: Int32,
    outerWindow: UInt64?
  ) {
    self.ticket = ticket
    self.window = window
    self.terminal = terminal
    self.request = request
    self.client = client
    self.outerWindow = outerWindow
    let kept = window.output
    first = Replay.of(kept, isCutOff: window.printed > UInt64(kept.count))
    position = window.recent.total
  }

  /// How much may wait for a terminal that takes what it is shown, before the window is read on.
  private static let mostAhead = 1 << 16

  /// Whether the window is better not read on just now: a terminal sets the pace of what is printed on it, as long as it
  /// has one and its program lives. Who only watches does not.
  var setsPace: Bool {
    let isBehind = window.recent.total - position > UInt64(Self.mostAhead)
    return isBehind && isWaitingForRoom && !isSlow && !request.isReadOnly && end == nil && window.live != nil
  }

  /// Suspends until the window can be read on.
  func keepPace(isolation: isolated (any Actor)? = #isolation) async {
    guard setsPace else { return }
    await withCheckedContinuation { waitingReader = $0 }
  }

  /// Lets the window be read on, if that is so.
  func resumeReader() {
    guard !setsPace else { return }
    waitingReader?.resume()
    waitingReader = nil
  }

  /// Lets its keyboard be read on.
  func resumeKeyboard() {
    waitingKeyboard?.resume()
    waitingKeyboard = nil
  }

  /// How showing went on.
  enum Progress {
    /// All is shown.
    case done
    /// The terminal takes no more for now.
    case noRoom
    /// The terminal was hung up.
    case gone
  }

  /// Shows what has not been shown, as far as there is room for it.
  func show() -> Progress {
    if window.recent.total - position > UInt64(window.recent.count) { skip() }
    do throws(SystemError) {
      let first = first
      while firstShown < first.count {
        // Bytes seen as raw bytes: nothing is reinterpreted.
        firstShown += unsafe try terminal.write(first.span.bytes.extracting(droppingFirst: firstShown))
      }
      self.first = []
      firstShown = 0
      while position < window.recent.total {
        position += UInt64(try window.recent.show(from: position, on: terminal))
      }
      return .done
    } catch {
      return error.errno == EAGAIN ? .noRoom : .gone
    }
  }

  /// The terminal was too slow for too much: it is shown the newest, and told so.
  private func skip() {
    let size = window.size
    let newest = Replay.screenful(
      of: window.recent.newest(1 << 18), columns: Int(size.columns), rows: Int(size.rows))
    let skipped = window.recent.total - position
    // Ends a sequence that was cut off; then the screen is cleared.
    let notice =
      "\u{18}\u{1B}\\\u{1B}[0m\u{1B}[H\u{1B}[2J[windowd: \(skipped) bytes were too many for this terminal]\r\n"
    replaceTheRest(with: Array(notice.utf8) + newest)
    hasSkipped = true
  }

  /// Shows this instead of what has not been shown.
  func replaceTheRest(with bytes: [UInt8]) {
    first = bytes
    firstShown = 0
    position = window.recent.total
  }

  /// Whether something was skipped since this was asked last: programs that fill the screen are to draw anew.
  private var hasSkipped = false

  func takeHasSkipped() -> Bool {
    defer { hasSkipped = false }
    return hasSkipped
  }
}
