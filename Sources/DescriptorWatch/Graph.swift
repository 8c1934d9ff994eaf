// A count over time in one line of eight heights.

/// Small graphs.
package enum Graph {
  private static let heights = Array("▁▂▃▄▅▆▇█")

  /// One character for each value, or for as many neighbours as must share one, by their largest; between the least and
  /// the most. Values that are all the same are a line at the bottom.
  package static func line(_ values: [Int], width: Int) -> String {
    guard width > 0, let least = values.min() else { return "" }
    let columns = min(width, values.count)
    let shown = (0..<columns).map { column in
      values[column * values.count / columns..<(column + 1) * values.count / columns].max() ?? least
    }
    guard let most = shown.max(), most > least else { return String(repeating: heights[0], count: columns) }
    return String(shown.map { heights[($0 - least) * (heights.count - 1) / (most - least)] })
  }
}
