// A page of a terminal: each kind with its count, what has changed, and how it went.

internal import TerminalText

/// One state of the live view.
package struct Page {
  private let series: Series
  private let style: Style
  private let interval: Duration

  package init(_ series: Series, _ style: Style, _ interval: Duration) {
    self.series = series
    self.style = style
    self.interval = interval
  }

  /// The page, as what a terminal draws over the page before without a moment of emptiness.
  package func text(columns: Int, rows: Int) -> String {
    // The last line would scroll the page when it ended.
    let shown = lines(columns: columns, rows: rows).prefix(rows)
    let body = shown.map { $0 + "\u{1B}[0m\u{1B}[K" }.joined(separator: "\r\n")
    // Drawn at once where the terminal can.
    return "\u{1B}[?2026h\u{1B}[H\(body)\u{1B}[J\u{1B}[?2026l"
  }

  /// The lines, not longer than the terminal is wide.
  package func lines(columns: Int, rows: Int) -> [String] {
    let plain = Style(isColored: false)
    let header = Report.header(of: series.last, plain).map { $0.cut(to: columns) }
    let told = suspectLines(columns: columns, rows: max(0, rows / 3))
    let room = max(1, rows - header.count - told.count - (told.isEmpty ? 3 : 4))
    let kinds = kindLines(columns: columns, room: room)
    let time = Numbers.time(series.seconds)
    let footer = style.dim(
      "\(Numbers.count(series.taken, "sample")), one every \(Numbers.time(interval)), in \(time); ^C ends".cut(
        to: columns))
    return [style.bold(header[0])] + header.dropFirst().map(style.dim) + [""] + kinds
      + (told.isEmpty ? [] : [""] + told) + ["", footer]
  }

  /// The most important, whole as far as there is room.
  private func suspectLines(columns: Int, rows: Int) -> [String] {
    let suspects = series.suspects.filter { $0.confidence > .possible || $0.rule == .grows }
    let lines = suspects.flatMap { suspect in
      let text = "\(suspect.rule.title) (\(suspect.confidence.rawValue)): \(DisplayText.escaped(suspect.reason))"
      return TextWrapping.lines(text, width: columns).prefix(3).map { style.tell($0, suspect.confidence) }
    }
    return Array(lines.prefix(rows))
  }

  private func kindLines(columns: Int, room: Int) -> [String] {
    let kinds = [("all", series.totals)] + series.kinds.map { (DisplayText.escaped($0.kind), $0.counts) }
    let shown = kinds.count > room ? kinds.prefix(max(1, room - 1)) : kinds[...]
    let rows = shown.map { kind, counts in
      let change = (counts.last ?? 0) - (counts.first ?? 0)
      return [
        kind.cut(to: max(8, columns / 3)), "\(counts.last ?? 0)".leading(5), change == 0 ? "" : Numbers.signed(change),
      ]
    }
    let texts = TextTable.lines(rows.map { [$0[0], $0[1], $0[2].leading(5), ""] })
    let width = columns - (texts.map(\.count).max() ?? 0)
    let lines = zip(texts, shown).map { text, row in
      let (_, counts) = row
      let line = (text + Graph.line(Array(counts.suffix(max(0, width))), width: width)).cut(to: columns)
      return (counts.last ?? 0) > (counts.first ?? 0) ? style.bold(line) : line
    }
    let left = kinds.count - shown.count
    return lines + (left > 0 && shown.count < room ? [style.dim("and \(left) more kinds".cut(to: columns))] : [])
  }
}

extension String {
  /// Filled with spaces before it up to a width.
  fileprivate func leading(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
