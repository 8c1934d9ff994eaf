// The descriptors of a kind as lines: pairs as one, and those that are alike as one.

internal import IPCKit

/// Lines of a table.
struct Rows {
  struct Row {
    var cells: [String]
    /// How many descriptors it stands for.
    var count: Int
  }

  private(set) var rows: [Row] = []

  /// - Parameters:
  ///   - records: of one kind, by number.
  ///   - showsAll: whether a row that stands for very many names each of them.
  init(of records: [DescriptorRecord], in snapshot: Snapshot, showsAll: Bool) {
    var pairs: [Int32: Pair] = [:]
    for pair in snapshot.pairs where pair.first.kind == pair.second.kind { pairs[pair.first.number] = pair }
    let seconds = Set(pairs.values.map(\.second.number))
    var places: [[String]: Int] = [:]
    var numbers: [[Int32]] = []
    for record in records where !seconds.contains(record.number) {
      if let pair = pairs[record.number] {
        rows.append(Row(cells: [pair.numbers] + Self.cells(of: pair), count: 2))
        numbers.append([])
        continue
      }
      let cells = Self.cells(of: record, in: snapshot.process.pid)
      if let place = places[cells] {
        numbers[place].append(record.number)
        rows[place].count += 1
      } else {
        places[cells] = rows.count
        rows.append(Row(cells: [""] + cells, count: 1))
        numbers.append([record.number])
      }
    }
    for index in rows.indices where !numbers[index].isEmpty {
      rows[index].cells[0] = showsAll ? Numbers.ranges(numbers[index]) : Numbers.some(numbers[index])
    }
  }

  private static func cells(of pair: Pair) -> [String] {
    let first = pair.first.details.joined(separator: ", ")
    let second = pair.second.details.joined(separator: ", ")
    let details = first == second ? first : "\(first) ↔ \(second)"
    let flags = pair.first.flags == pair.second.flags ? pair.first.flags : pair.first.flags + pair.second.flags
    return [details, "both ends here", flags.joined(separator: ", ")]
  }

  private static func cells(of record: DescriptorRecord, in processID: Int32) -> [String] {
    let end = record.otherEnd.map { $0.words(in: processID) } ?? ""
    return [record.details.joined(separator: ", "), end, record.flags.joined(separator: ", ")]
  }
}

extension DescriptorRecord {
  /// What else a person may want to know.
  var flags: [String] {
    var flags: [String] = []
    if number > 2, !isCloseOnExec { flags.append("no close-on-exec") }
    if isNonBlocking { flags.append("non-blocking") }
    if kind == "file" || kind == "deleted file" || kind == "device" { flags.append(access) }
    if let origin { flags.append("made at \(origin)") }
    return flags
  }
}

extension DescriptorRecord.End {
  /// Who has it, in words for a person who looks at a descriptor of this process.
  func words(in processID: Int32) -> String {
    switch state {
    case .held:
      let shown = holders.prefix(3).map { holder in
        holder.pid == processID ? "\(holder.number)" : "\(holder.number) of \(holder.name) (\(holder.pid))"
      }
      let rest = holders.count > 3 ? " and \(holders.count - 3) more" : ""
      return "other end \(shown.joined(separator: ", "))\(rest)"
    case .gone: return "other end gone"
    case .waitingForAccept: return "not accepted yet"
    case .outOfSight: return "other end out of sight"
    }
  }
}
