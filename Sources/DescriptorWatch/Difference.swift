// A process now against what it was: what came, what went, and what has taken another's number.

internal import TerminalText

/// What is different between two snapshots. This is `difference` in fdwatch's JSON.
package struct Difference: Codable, Hashable, Sendable {
  /// Whether both are of one process; numbers of different ones say little about each other.
  package var isSameProcess: Bool
  /// The earlier one's process.
  package var process: ProcessDescription
  /// Between the two, in seconds.
  package var seconds: Double
  package var from: Int
  package var to: Int
  /// How many more of each kind; those that are as many are not in it.
  package var growth: [String: Int]
  package var appeared: [DescriptorRecord]
  package var gone: [DescriptorRecord]
  package var replaced: [Replacement]

  /// A number that leads elsewhere now.
  package struct Replacement: Codable, Hashable, Sendable {
    package var before: DescriptorRecord
    package var after: DescriptorRecord
  }

  package init(from earlier: Snapshot, to later: Snapshot) {
    isSameProcess = earlier.process.isSameProcess(as: later.process)
    process = earlier.process
    seconds = later.time - earlier.time
    from = earlier.descriptors.count
    to = later.descriptors.count
    let (old, new) = (earlier.byNumber, later.byNumber)
    appeared = later.descriptors.filter { old[$0.number] == nil }
    gone = earlier.descriptors.filter { new[$0.number] == nil }
    replaced = later.descriptors.compactMap { record in
      guard let before = old[record.number], !before.isSameFile(as: record) else { return nil }
      return Replacement(before: before, after: record)
    }
    growth = later.kinds.merging(earlier.kinds.mapValues { -$0 }) { $0 + $1 }.filter { $0.value != 0 }
  }

  /// What a person reads, all foreign text escaped.
  package func lines(_ style: Style, showsAll: Bool) -> [String] {
    let title = style.bold("since the snapshot, \(Numbers.time(seconds)) ago")
    var lines = ["", "\(title): \(from) → \(to) descriptors"]
    if !isSameProcess {
      let other = "\(DisplayText.escaped(process.name)) (\(process.pid))"
      lines.append("  note: the snapshot is of another process, \(other), which began at another time")
    }
    for (kind, change) in growth.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
      lines.append("  \(DisplayText.escaped(Numbers.change(change, kind)))")
    }
    lines += section("appeared", appeared.map(Self.cells), style, showsAll)
    lines += section("gone", gone.map(Self.cells), style, showsAll)
    lines += section(
      "replaced", replaced.map { Self.cells($0.before) + ["now"] + Self.cells($0.after).dropFirst() }, style, showsAll)
    if appeared.isEmpty, gone.isEmpty, replaced.isEmpty { lines.append("  nothing came or went") }
    return lines
  }

  private func section(_ title: String, _ rows: [[String]], _ style: Style, _ showsAll: Bool) -> [String] {
    guard !rows.isEmpty else { return [] }
    let shown = showsAll || rows.count <= Report.limit + 1 ? rows[...] : rows.prefix(Report.limit)
    let table = TextTable.lines(shown.map { [""] + $0.map(DisplayText.escaped) }).map(\.withoutTrailingSpaces)
    let left = rows.count - shown.count
    return ["", style.bold("\(title): \(rows.count)")] + table
      + (left > 0 ? [style.dim("  and \(left) more (--all)")] : [])
  }

  private static func cells(_ record: DescriptorRecord) -> [String] {
    ["\(record.number)", record.kind, record.details.joined(separator: ", ")]
  }
}
