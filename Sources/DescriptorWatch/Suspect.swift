// A suspicion: which rule, about which descriptors, why, and how sure.

/// Something that looks like a leak, or like the start of one. These are `suspects` in fdwatch's JSON.
package struct Suspect: Codable, Hashable, Sendable {
  package var rule: Rule
  package var confidence: Confidence
  /// One line for a person. Foreign text may be in it.
  package var reason: String
  /// The descriptors that it is about.
  package var numbers: [Int32]
  /// For what grows.
  package var growth: Growth?

  package enum Rule: String, Codable, CaseIterable, Sendable {
    /// There are more of a kind with every sample, or nearly.
    case grows
    /// Nobody holds the other end any more.
    case otherEndGone
    /// An epoll instance watches a number that is free, or another file's.
    case staleRegistration
    /// Both ends are in this process alone, and nothing happens to them.
    case pair
    /// A file without a name takes room.
    case deletedFile
    /// The same file under many numbers.
    case manyOfOneFile
    /// Every program that the process starts inherits it.
    case noCloseOnExec

    /// In one or two words for a person.
    package var title: String {
      switch self {
      case .grows: "grows"
      case .otherEndGone: "other end gone"
      case .staleRegistration: "stale watch"
      case .pair: "idle pair"
      case .deletedFile: "deleted file"
      case .manyOfOneFile: "same file"
      case .noCloseOnExec: "no close-on-exec"
      }
    }
  }

  package init(
    _ rule: Rule, _ confidence: Confidence, _ reason: String, _ numbers: [Int32], growth: Growth? = nil
  ) {
    self.rule = rule
    self.confidence = confidence
    self.reason = reason
    self.numbers = numbers
    self.growth = growth
  }
}

extension Series {
  /// What looks wrong: what grows first, then the surest.
  package var suspects: [Suspect] {
    let growing = growthSuspects
    let explained = Set(growing.lazy.filter { $0.confidence > .possible }.flatMap(\.numbers))
    var found = endSuspects + registrationSuspects + pairSuspects(beside: explained)
    found += deletedFileSuspects + repeatedFileSuspects + inheritedSuspects
    let order = Suspect.Rule.allCases
    return growing
      + found.sorted { left, right in
        guard left.confidence == right.confidence else { return left.confidence > right.confidence }
        return (order.firstIndex(of: left.rule) ?? 0) < (order.firstIndex(of: right.rule) ?? 0)
      }
  }
}
