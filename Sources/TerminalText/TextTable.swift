// Rows in columns, for a person who reads down as well as across.

/// A table without lines.
package enum TextTable {
  /// Each row as one line, its columns as wide as their widest entry and two spaces apart. Rows may be of different length;
  /// a row's last entry is as wide as it is.
  package static func lines(_ rows: [[String]]) -> [String] {
    var widths: [Int] = []
    for row in rows {
      for (column, cell) in row.dropLast().enumerated() {
        if column == widths.count { widths.append(0) }
        widths[column] = max(widths[column], cell.count)
      }
    }
    return rows.map { row in
      // An empty entry at the end needs no spaces before it.
      let row = row.prefix(1 + (row.lastIndex { !$0.isEmpty } ?? -1))
      return row.enumerated().map { column, cell in
        column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
      }.joined(separator: "  ")
    }
  }
}
