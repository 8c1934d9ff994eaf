// What a person reads: who it is, what looks wrong, then everything by kind.

internal import Glibc
internal import TerminalText

/// A report in lines, all foreign text in it escaped.
package struct Report {
  package var series: Series
  package var style: Style
  /// Whether long groups are shown whole.
  package var showsAll: Bool
  /// How wide the terminal is; nil where sentences are lines.
  package var width: Int?
  /// How many lines of a group are shown otherwise.
  static let limit = 10

  package init(_ series: Series, _ style: Style, showsAll: Bool = false, width: Int? = nil) {
    self.series = series
    self.style = style
    self.showsAll = showsAll
    self.width = width
  }

  private var snapshot: Snapshot { series.last }

  /// The whole.
  package var lines: [String] { header + suspectLines + growthLines + kindLines + noteLines }

  /// The process in a line, and its command in another.
  package var header: [String] { Self.header(of: snapshot, style) }

  static func header(of snapshot: Snapshot, _ style: Style) -> [String] {
    let process = snapshot.process
    let user = process.userName ?? process.userID.map(String.init) ?? "unknown"
    let limit = process.softLimit.map { "limit \($0)" } ?? "no limit"
    let count = Numbers.count(snapshot.descriptors.count, "descriptor")
    let name = style.bold("\(DisplayText.escaped(process.name)) (\(process.pid))")
    let command = DisplayText.escaped(process.commandLine.joined(separator: " "))
    return ["\(name), user \(DisplayText.escaped(user)), \(style.bold(count)), \(limit)"]
      + (command.isEmpty ? [] : [style.dim(command.cut(to: 200))])
  }

  package var suspectLines: [String] {
    let suspects = series.suspects
    guard !suspects.isEmpty else { return ["", style.bold("suspects") + ": none"] }
    let titles = suspects.map { "\($0.rule.title) (\($0.confidence.rawValue))" }
    let width = titles.map(\.count).max() ?? 0
    let room = (self.width ?? .max) - width - 4
    return ["", style.bold("suspects")]
      + zip(suspects, titles).flatMap { suspect, title in
        let reason = DisplayText.escaped(suspect.reason)
        let lines = room >= 30 ? TextWrapping.lines(reason, width: room) : [reason]
        let first = style.tell(title, suspect.confidence) + String(repeating: " ", count: width - title.count)
        let blank = String(repeating: " ", count: width)
        return lines.enumerated().map { "  \($0.offset == 0 ? first : blank)  \($0.element)" }
      }
  }

  /// What has become more or fewer since the first sample.
  package var growthLines: [String] {
    guard series.taken > 1, let (first, last) = series.ends else { return [] }
    let seconds = series.seconds
    let title = "\(series.taken) samples in \(Numbers.time(seconds))"
    let changes = series.growthByKind.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { DisplayText.escaped(Numbers.change($0.value, $0.key)) }
    let change = changes.isEmpty ? "as many of each kind" : changes.joined(separator: ", ")
    return ["", "\(style.bold(title)): \(first) → \(last) descriptors, \(change)"]
  }

  package var kindLines: [String] {
    let groups = Dictionary(grouping: snapshot.descriptors, by: \.kind)
      .sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
    return groups.flatMap { kind, records in
      let title = style.bold(DisplayText.escaped(kind)) + ": \(records.count)"
      let rows = Rows(of: records, in: snapshot, showsAll: showsAll).rows
      let shown = showsAll || rows.count <= Self.limit + 1 ? rows[...] : rows.prefix(Self.limit)
      let table = TextTable.lines(shown.map { [""] + $0.cells.map(DisplayText.escaped) })
      let left = rows.dropFirst(shown.count).reduce(0) { $0 + $1.count }
      return ["", title] + table.map(\.withoutTrailingSpaces)
        + (left > 0 ? [style.dim("  and \(left) more (--all)")] : [])
    }
  }

  /// What the report cannot know.
  package var noteLines: [String] {
    var notes: [String] = []
    if snapshot.missed > 0 {
      notes.append(
        "\(Numbers.count(snapshot.missed, "descriptor")) came and went during the look, and \(snapshot.missed == 1 ? "is" : "are") not shown"
      )
    }
    switch snapshot.processesOutOfSight {
    case nil where series.taken > 1:
      notes.append("in the last sample, other ends were looked for in this process alone")
    case let count? where count > 0:
      notes.append(
        "\(Numbers.count(count, "process")) could not be looked into for other ends"
          + (geteuid() == 0 ? "" : ": root may"))
    default: break
    }
    return notes.isEmpty ? [] : [""] + notes.map { style.dim("note: \($0)") }
  }
}

extension Series {
  /// The first and the last total.
  package var ends: (first: Int, last: Int)? {
    guard let first = totals.first, let last = totals.last else { return nil }
    return (first, last)
  }

  /// From the first sample to the last.
  package var seconds: Double { (points.last?.time ?? .zero).inSeconds }
}

extension String {
  /// Not longer than so many characters.
  func cut(to width: Int) -> String { count > width ? prefix(max(0, width - 1)) + "…" : self }

  var withoutTrailingSpaces: String { String(reversed().drop { $0 == " " }.reversed()) }
}
