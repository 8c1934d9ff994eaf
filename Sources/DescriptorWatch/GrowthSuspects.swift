// What grows, said so that the mistake can be found: the kind, the rate, and the descriptors that were left.

extension Series {
  /// What grows, the surest first.
  var growthSuspects: [Suspect] {
    let pairs = last.pairs
    var told: Set<Int32> = []
    return growths.compactMap { growth in
      let members = last.members(of: growth.group)
      let left = members.filter { isNew($0.number) }.map(\.number)
      // A pseudo-terminal's two sides are two kinds that grow as one.
      if !left.isEmpty, growth.group.what == Group.inPairs, told.isSuperset(of: left) { return nil }
      let own = pairs.filter { $0.first.kind == growth.group.kind || $0.second.kind == growth.group.kind }
        .filter { isNew($0.first.number) && isNew($0.second.number) }
      let isOfPairs = growth.group.what == Group.inPairs && !own.isEmpty
      let numbers = isOfPairs ? own.flatMap { [$0.first.number, $0.second.number] }.sorted() : left
      told.formUnion(numbers)
      let reason = isOfPairs ? reason(growth, own) : reason(growth, members.filter { isNew($0.number) })
      return Suspect(.grows, growth.confidence, reason, numbers, growth: growth)
    }
  }

  private func reason(_ growth: Growth, _ pairs: [Pair]) -> String {
    let shown = pairs.prefix(3).map { "\($0.name) \($0.numbers)" }.joined(separator: ", ")
    let rest = pairs.count > 3 ? " and \(pairs.count - 3) more" : ""
    return "\(Self.count(growth)); new: \(shown)\(rest)"
  }

  private func reason(_ growth: Growth, _ new: [DescriptorRecord]) -> String {
    let shown = Numbers.ranges(new.prefix(12).map(\.number))
    let rest = new.count > 12 ? " and \(new.count - 12) more" : ""
    return Self.count(growth) + (new.isEmpty ? "" : "; new: \(shown)\(rest)")
  }

  private static func count(_ growth: Growth) -> String {
    let how =
      switch growth.confidence {
      case _ where growth.rises == growth.steps: "more with every sample of \(growth.samples)"
      case .possible: "fewer at times, but its lowest rises"
      default: "more in \(growth.rises) of \(growth.steps) steps and never less"
      }
    // By the name that people know it by from other tools.
    let name = growth.group.kind == "terminal master" ? " (/dev/ptmx)" : ""
    let kinds = Numbers.plural(growth.group.kind) + name + (growth.group.what.map { " \($0)" } ?? "")
    return "\(kinds): \(growth.from) → \(growth.to), \(how)" + (growth.rate.isEmpty ? "" : " (\(growth.rate))")
  }
}

extension Pair {
  /// What the two are together: `socketpair`, `pipe`, `pseudo-terminal`.
  package var name: String {
    if first.socket != nil {
      // Two ends that have no name were made as a pair; others have been connected.
      return first.socket?.address == nil && second.socket?.address == nil ? "socketpair" : "connection"
    }
    return first.terminalIndex != nil || second.terminalIndex != nil ? "pseudo-terminal" : first.kind
  }
}
