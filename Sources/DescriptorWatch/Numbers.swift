// Numbers as a person reads them.

/// Ways to write numbers short.
package enum Numbers {
  /// With one digit behind the point at most, or so many below 10: `2`, `1.9`, `340`.
  package static func short(_ value: Double, digits: Int = 1) -> String {
    // What no span of time and no rate is may still be in a file.
    guard value.isFinite, value.magnitude < 1e15 else { return "-" }
    if digits > 1, value.magnitude < 10 {
      let scale: Double = digits == 2 ? 100 : 1000
      let scaled = (value * scale).rounded()
      return scaled.truncatingRemainder(dividingBy: scale) == 0 ? "\(Int(scaled / scale))" : "\(scaled / scale)"
    }
    let tenths = (value * 10).rounded()
    if tenths.magnitude >= 1000 || tenths.truncatingRemainder(dividingBy: 10) == 0 {
      return "\(Int((tenths / 10).rounded()))"
    }
    return "\(tenths / 10)"
  }

  /// `+3`, `-1`, `0`.
  package static func signed(_ value: Int) -> String { value > 0 ? "+\(value)" : "\(value)" }

  /// Descriptor numbers with runs drawn together: `3 5-9 12`.
  package static func ranges(_ numbers: [Int32]) -> String { runs(numbers).map(\.text).joined(separator: " ") }

  /// The same, and no more than twenty runs: `3 5-9 12 and 40 more`.
  package static func some(_ numbers: [Int32]) -> String {
    let runs = runs(numbers)
    let left = runs.dropFirst(20).reduce(0) { $0 + $1.count }
    return runs.prefix(20).map(\.text).joined(separator: " ") + (left > 0 ? " and \(left) more" : "")
  }

  private static func runs(_ numbers: [Int32]) -> [(text: String, count: Int)] {
    var parts: [(text: String, count: Int)] = []
    var rest = numbers.sorted()[...]
    while let first = rest.popFirst() {
      var last = first
      while let next = rest.first, next == last + 1 {
        last = next
        rest.removeFirst()
      }
      // Two are as short apart.
      let text = last == first ? "\(first)" : last == first + 1 ? "\(first) \(last)" : "\(first)-\(last)"
      parts.append((text, Int(last - first) + 1))
    }
    return parts
  }

  /// `1 pipe`, `2 pipes`; the plural of kinds that end otherwise is theirs.
  package static func count(_ count: Int, _ noun: String) -> String {
    "\(count) \(count == 1 ? noun : plural(noun))"
  }

  /// `+1 pipe`, `-2 pipes`.
  package static func change(_ change: Int, _ noun: String) -> String {
    "\(signed(change)) \(change.magnitude == 1 ? noun : plural(noun))"
  }

  package static func plural(_ noun: String) -> String {
    if noun.hasSuffix("y") { return noun.dropLast() + "ies" }
    if noun.hasSuffix("ss") { return noun + "es" }
    return noun.hasSuffix("s") || noun.hasSuffix("h") || noun == "other" || noun.hasSuffix("]") ? noun : noun + "s"
  }

  /// A span of time: `800 ms`, `12 s`, `3 min`, `5 h`.
  package static func time(_ seconds: Double) -> String {
    guard seconds.magnitude < 1e15 else { return "an unknown time" }
    return switch seconds {
    case ..<0: "-" + time(-seconds)
    case ..<1: "\(Int((seconds * 1000).rounded())) ms"
    case ..<120: "\(short(seconds)) s"
    case ..<7200: "\(short(seconds / 60)) min"
    default: "\(short(seconds / 3600)) h"
    }
  }

  /// A span of time: `800 ms`, `12 s`, `3 min`, `5 h`.
  package static func time(_ duration: Duration) -> String { time(duration.inSeconds) }

  /// A size: `17 bytes`, `4.2 MiB`.
  package static func size(_ bytes: Int64) -> String {
    var (value, units) = (Double(bytes), ["KiB", "MiB", "GiB", "TiB"][...])
    guard value >= 1024 else { return bytes == 1 ? "1 byte" : "\(bytes) bytes" }
    var unit = ""
    while value >= 1024, let next = units.popFirst() { (value, unit) = (value / 1024, next) }
    return "\(short(value)) \(unit)"
  }
}

extension Duration {
  /// As a number of seconds.
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
