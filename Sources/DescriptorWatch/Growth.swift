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
  /// In how many of the steps between them it rose.
  package var rises: Int
  package var seconds: Double
  package var confidence: Confidence

  /// How many more with each sample, on average.
  package var perSample: Double { Double(to - from) / Double(max(1, samples - 1)) }
  package var perSecond: Double { seconds > 0 ? Double(to - from) / seconds : 0 }

  /// What a person reads: `+2 each sample, 1.9 a second`; by the minute or hour where it is slow.
  package var rate: String {
    let (value, unit) =
      perSecond >= 1
      ? (perSecond, "second") : perSecond * 60 >= 1 ? (perSecond * 60, "minute") : (perSecond * 3600, "hour")
    return "+\(Numbers.short(perSample)) a sample, \(Numbers.short(value)) a \(unit)"
  }

  /// Looks for growth in counts that were taken at these times; nil when there is none worth a word.
  ///
  /// Certain: it rose with every sample since it last fell, three samples at least. Likely: since then it rose at least
  /// three times, and in a third of the samples. Possible: it falls too, but what is left at its lowest rises.
  package init?(_ group: Group, _ counts: [Int], _ times: [Duration]) {
    guard counts.count >= 3, counts.count == times.count, let to = counts.last else { return nil }
    var start = counts.count - 1
    while start > 0, counts[start - 1] <= counts[start] { start -= 1 }
    // What was flat at first has not begun.
    while start + 1 < counts.count, counts[start + 1] == counts[start] { start += 1 }
    let rises = (start + 1..<max(start + 1, counts.count)).count { counts[$0] > counts[$0 - 1] }
    let steps = counts.count - 1 - start
    let confidence: Confidence
    if steps >= 2, rises == steps {
      confidence = .certain
    } else if rises >= 3, rises * 3 >= steps {
      confidence = .likely
    } else if Self.lowestRises(counts) {
      confidence = .possible
      start = 0
    } else {
      return nil
    }
    self.group = group
    self.from = counts[start]
    self.to = to
    self.samples = counts.count - start
    self.rises = (start + 1..<counts.count).count { counts[$0] > counts[$0 - 1] }
    self.confidence = confidence
    seconds = (times[times.count - 1] - times[start]).inSeconds
  }

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
      guard let whole = Growth(Group(kind: kind), values, times) else { return nil }
      let parts = counts.compactMap { group, values in
        group.kind == kind && group.what != nil ? Growth(group, values, times) : nil
      }
      // What accounts for nearly all of it says more than the kind. What it is comes before where it leads.
      return parts.filter { ($0.to - $0.from) * 10 >= (whole.to - whole.from) * 9 }
        .min { ($0.group.precedence, $0.group.title) < ($1.group.precedence, $1.group.title) } ?? whole
    }.sorted { ($0.confidence, $0.to - $0.from, $1.group.title) > ($1.confidence, $1.to - $1.from, $0.group.title) }
  }
}

extension Group {
  fileprivate var precedence: Int { what == Group.inPairs ? 0 : what == Group.abandoned ? 1 : 2 }
}
