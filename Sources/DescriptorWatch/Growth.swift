// Growth that is more than a busy moment: counts that rise and do not come back.

/// How sure a suspicion is.
package enum Confidence: String, Codable, Hashable, Sendable, Comparable {
  case possible, likely, certain

  package static func < (left: Confidence, right: Confidence) -> Bool { left.rank < right.rank }
  private var rank: Int { [.possible, .likely, .certain].firstIndex(of: self) ?? 0 }
}

/// A group that grew. This is `growth` in a suspect of fdwatch's JSON.
package struct Growth: Codable, Hashable, Sendable {
  package var group: Group
  /// How many there were when it began to grow, and at the end.
  package var from: Int
  package var to: Int
  /// Over how many samples.
  package var samples: Int
  package var seconds: Double
  /// Out of how many steps between samples, in how many it rose.
  package var steps: Int
  package var rises: Int
  /// How many more with each sample, on average.
  package var perSample: Double
  package var perSecond: Double
  package var confidence: Confidence

  /// Looks for growth in a group's counts, one for each of a series' points; nil when there is none worth a word.
  ///
  /// Certain: since it last fell it rose with nearly every sample, of five at least, or with each of three for what nobody
  /// needs. Likely: with each of three, or at least three times and in a third of the steps. Possible: it falls too, but
  /// what is left at its lowest rises.
  package init?(_ group: Group, _ counts: [Int], _ points: [Series.Point]) {
    guard counts.count >= 3, counts.count == points.count, let to = counts.last, let end = points.last else {
      return nil
    }
    var start = counts.count - 1
    while start > 0, counts[start - 1] <= counts[start] { start -= 1 }
    // What was flat at first has not begun.
    while start + 1 < counts.count, counts[start + 1] == counts[start] { start += 1 }
    let steps = counts.count - 1 - start
    let rises = Self.rises(counts[start...])
    let confidence: Confidence
    if steps >= 2, rises == steps || steps >= 4 && rises * 10 >= steps * 9 {
      confidence = steps >= 4 || group.isUnneeded ? .certain : .likely
    } else if rises >= 3, rises * 3 >= steps {
      confidence = .likely
    } else if Self.lowestRises(counts) {
      confidence = .possible
      start = 0
    } else {
      return nil
    }
    self.group = group
    self.confidence = confidence
    self.to = to
    from = counts[start]
    self.steps = counts.count - 1 - start
    self.rises = Self.rises(counts[start...])
    samples = end.ordinal - points[start].ordinal + 1
    seconds = (end.time - points[start].time).inSeconds
    perSample = Double(to - from) / Double(max(1, samples - 1))
    perSecond = seconds > 0 ? Double(to - from) / seconds : 0
  }

  /// What a person reads: `+2 a sample, 1.9 a second`; by the minute or hour where it is slow, and without what would be
  /// shown as nothing.
  package var rate: String {
    let (value, unit) =
      perSecond >= 1
      ? (perSecond, "second") : perSecond * 60 >= 1 ? (perSecond * 60, "minute") : (perSecond * 3600, "hour")
    let parts = [(perSample, "sample"), (value, unit)].filter { $0.0 >= 0.05 }
    return parts.enumerated().map { "\($0.offset == 0 ? "+" : "")\(Numbers.short($0.element.0)) a \($0.element.1)" }
      .joined(separator: ", ")
  }

  private static func rises(_ counts: ArraySlice<Int>) -> Int { zip(counts, counts.dropFirst()).count { $0 < $1 } }

  /// Whether the lowest count of each third is above that of the third before.
  private static func lowestRises(_ counts: [Int]) -> Bool {
    guard counts.count >= 9, let first = counts.first, let last = counts.last, last > first else { return false }
    let third = counts.count / 3
    let lowest = (0..<3).map { counts[($0 * third)..<($0 == 2 ? counts.count : ($0 + 1) * third)].min() ?? 0 }
    return lowest[0] < lowest[1] && lowest[1] < lowest[2]
  }
}

extension Series {
  /// What grew: each kind once, by what its growth has in common if there is something.
  package var growths: [Growth] {
    kinds.compactMap { kind, values in
      guard let whole = Growth(Group(kind: kind), values, points) else { return nil }
      let parts = counts.compactMap { group, values in
        group.kind == kind && group.what != nil ? Growth(group, values, points) : nil
      }
      // What accounts for nearly all of it says more than the kind. What it is comes before where it leads.
      return parts.filter { ($0.to - $0.from) * 10 >= (whole.to - whole.from) * 9 }
        .min { ($0.group.precedence, $0.group.title) < ($1.group.precedence, $1.group.title) } ?? whole
    }.sorted { ($0.confidence, $0.to - $0.from, $1.group.title) > ($1.confidence, $1.to - $1.from, $0.group.title) }
  }
}

extension Group {
  fileprivate var precedence: Int { what == Group.inPairs ? 0 : what == Group.abandoned ? 1 : 2 }

  /// Whether more of it are no use to anybody.
  fileprivate var isUnneeded: Bool { what == Group.inPairs || what == Group.abandoned }
}
