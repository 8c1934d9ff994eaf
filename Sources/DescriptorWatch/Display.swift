// What is shown while a process is watched: a page that is drawn over itself on a terminal, a line for each sample elsewhere.

internal import Glibc
internal import IPCKit
internal import TerminalText

/// Shows samples as they come.
struct Display {
  /// Whether there is a terminal to draw on.
  let isLive: Bool
  private let isJSON: Bool
  private let style: Style
  private let interval: Duration
  private var isDrawing = false

  init(_ options: WatchOptions) {
    isJSON = options.isJSON
    isLive = !options.isJSON && OutputStream.output.isTerminal && !Environment.inherited.hasDumbTerminal
    style = options.color.style(for: .output)
    interval = options.interval ?? .seconds(1)
  }

  /// The terminal's other page, without a cursor and without the wrapping of long lines.
  private static let enter = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[H\u{1B}[2J"
  private static let leave = "\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l"

  /// Takes the terminal.
  mutating func begin() {
    guard isLive, !isDrawing else { return }
    isDrawing = true
    try? OutputStream.output.write(Array(Self.enter.utf8))
  }

  /// Gives the terminal back as it was.
  mutating func end() {
    guard isDrawing else { return }
    isDrawing = false
    try? OutputStream.output.write(Array(Self.leave.utf8))
  }

  /// Stops this process as its user wants, and takes the terminal again when it goes on.
  mutating func pause() {
    end()
    kill(getpid(), SIGSTOP)
    begin()
  }

  /// Shows the last sample of a series.
  mutating func show(_ series: Series) throws(WatchFailure) {
    let bytes: [UInt8]
    if isJSON {
      let line = try JSONText.line(SampleDocument(series))
      bytes = OutputStream.output.isTerminal ? Array(DisplayText.escapedJSON(line).utf8) : line
    } else if isLive {
      let (columns, rows) = Self.size(of: .output)
      bytes = Array(Page(series, style, interval).text(columns: columns, rows: rows).utf8)
    } else {
      bytes = Array((SampleLine.text(series, every: interval) + "\n").utf8)
    }
    do throws(SystemError) { try OutputStream.output.write(bytes) } catch { throw WatchFailure("\(error)") }
  }

  /// The terminal's, or what is usual where nobody has set it.
  static func size(of stream: OutputStream) -> (columns: Int, rows: Int) {
    var size = winsize()
    // The structure is valid for the length of the call.
    guard unsafe ioctl(stream.rawValue, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return (80, 24)
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }
}

/// A sample in a line, for logs.
package enum SampleLine {
  /// `2.0 s  14 descriptors (+4)  unix stream socket +4`
  /// - Parameter interval: what two times differ by, so that it can be seen.
  package static func text(_ series: Series, every interval: Duration = .seconds(1)) -> String {
    let (first, last) = series.ends ?? (0, 0)
    let digits = interval >= .milliseconds(100) ? 1 : interval >= .milliseconds(10) ? 2 : 3
    let changes = series.growthByKind.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\(DisplayText.escaped($0.key)) \(Numbers.signed($0.value))" }
    let total = "\(Numbers.count(last, "descriptor"))" + (last == first ? "" : " (\(Numbers.signed(last - first)))")
    let time = Numbers.short(series.seconds, digits: digits) + " s"
    return ([time, total] + (changes.isEmpty ? [] : [changes.joined(separator: ", ")])).joined(separator: "  ")
  }
}
