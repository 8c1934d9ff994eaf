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
    let kind = pairs[0].name
    let idle = pairs.allSatisfy { samplesUnchanged($0.first.number) > 1 || samplesUnchanged($0.second.number) == 1 }
    let shown = pairs.prefix(3).map { "\(kind) \($0.numbers)" }.joined(separator: ", ")
    let rest = pairs.count > 3 ? " and \(pairs.count - 3) more" : ""
    return
      "\(count(growth, Numbers.plural(growth.group.kind))) \(Group.inPairs)\(idle ? ", unused" : ""): \(shown)\(rest)"
  }

  private func reason(_ growth: Growth, _ new: [DescriptorRecord]) -> String {
    let what = growth.group.what.map { " \($0)" } ?? ""
    let numbers = new.isEmpty ? "" : ", new: \(Numbers.ranges(new.suffix(12).map(\.number)))"
    return "\(count(growth, Numbers.plural(growth.group.kind)))\(what)\(numbers)"
  }

  private func count(_ growth: Growth, _ kinds: String) -> String {
    let steps = growth.samples - 1
    let how =
      switch growth.confidence {
      case .certain: "with every sample of \(growth.samples)"
      case .likely: "in \(growth.rises) of \(steps) samples and never less"
      case .possible: "and fewer at times, but its lowest rises"
      }
    return "\(growth.from) → \(growth.to) \(how) (\(growth.rate)), \(kinds)"
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
