// What was asked for on the command line.

/// What to look at, how often, and what to do with it.
package struct WatchOptions: Sendable {
  /// Nil for a command that is to be started.
  package var target: Target?
  /// The command, without any when a process is looked at.
  package var command: [String] = []
  /// Nil for a single look.
  package var interval: Duration?
  /// After how many samples to end.
  package var count: Int?
  /// How long the process may take until what it holds counts as its usual.
  package var warmUp = Duration.zero
  /// Where the last snapshot is to go.
  package var savePath: String?
  /// The snapshot to compare with.
  package var comparedPath: String?
  package var isJSON = false
  package var growthLimit: Int?
  package var showsAll = false
  package var color = Style.Wish.auto
  /// Where the report of a command is to go; nil for standard error.
  package var reportPath: String?

  package init() {}

  /// A span of time as people write it, `500ms`, `1s`, `2m`, `1h`; a bare number is seconds. Nil for what is
  /// none. Zero is one.
  package static func duration(_ text: String) -> Duration? {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let value = Double(digits), value.isFinite else { return nil }
    let units: [Substring: Double] = ["": 1, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "min": 60, "h": 3600]
    guard let unit = units[text.dropFirst(digits.count)], value * unit < 1e9 else { return nil }
    let nanoseconds = Int64(value * unit * 1e9)
    return .nanoseconds(nanoseconds)
  }
}
