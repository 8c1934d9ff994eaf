// What a single look can find suspicious: idle pairs, files without a name, files that are open many times, and what would
// be inherited.

extension Series {
  /// Pairs in this process alone. A program wakes itself through one, so that one is no leak; many are worth a look.
  func pairSuspects(beside explained: Set<Int32>) -> [Suspect] {
    let idle = last.pairs.filter { pair in
      !explained.contains(pair.first.number) && (taken == 1 ? (pair.queued ?? 0) == 0 : isIdle(pair))
    }
    return Dictionary(grouping: idle, by: \.name).sorted { $0.key < $1.key }.map { name, pairs in
      let shown = pairs.prefix(6).map(\.numbers).joined(separator: ", ")
      let rest = pairs.count > 6 ? " and \(pairs.count - 6) more" : ""
      let confidence: Confidence = pairs.count >= 8 && taken >= 3 ? .likely : .possible
      let state = pairs.allSatisfy { $0.queued == 0 } ? ", nothing queued" : ""
      let idle = taken > 1 ? "\(state) for \(taken) samples" : state
      let hint = pairs.count == 1 && name != "pseudo-terminal" ? "; a program that wakes itself has one" : ""
      let sight = last.processesOutOfSight == nil ? " as far as is known" : ""
      let reason =
        "\(Numbers.count(pairs.count, name)) with both ends in this process alone\(sight)\(idle)\(hint): \(shown)\(rest)"
      return Suspect(.pair, confidence, reason, pairs.flatMap { [$0.first.number, $0.second.number] })
    }
  }

  private func isIdle(_ pair: Pair) -> Bool {
    min(samplesUnchanged(pair.first.number), samplesUnchanged(pair.second.number)) == taken
  }

  /// Files that have no name any more and keep their room.
  var deletedFileSuspects: [Suspect] {
    let deleted = last.descriptors.filter { $0.kind == "deleted file" }
    // Copies of a descriptor keep the same room.
    let files = Dictionary(grouping: deleted) { "\($0.device ?? 0):\($0.inode ?? 0)" }.values
      .sorted { $0[0].number < $1[0].number }
    guard !files.isEmpty else { return [] }
    let room = files.compactMap { $0[0].size }.reduce(Int64(0)) { sum, size in
      let (total, isTooLarge) = sum.addingReportingOverflow(max(0, size))
      return isTooLarge ? .max : total
    }
    let shown = files.prefix(3).map { "\($0[0].target) (\(Numbers.some($0.map(\.number))))" }.joined(separator: ", ")
    let rest = files.count > 3 ? " and \(files.count - 3) more" : ""
    let size = room > 0 ? ", with \(Numbers.size(room)) in all" : ""
    let reason = "\(Numbers.count(files.count, "deleted file")) kept open\(size): \(shown)\(rest)"
    return [Suspect(.deletedFile, room > 0 ? .likely : .possible, reason, deleted.map(\.number))]
  }

  /// How many descriptors of one file are many.
  static let many = 8

  /// Files under many numbers.
  var repeatedFileSuspects: [Suspect] {
    let candidates = last.descriptors.filter { record in
      record.inode != nil && record.target != "/dev/null" && !(record.number <= 2 && record.terminalIndex != nil)
    }
    let files = Dictionary(grouping: candidates) {
      "\($0.device ?? 0) \($0.inode ?? 0) \($0.terminalIndex ?? -1) \($0.target)"
    }
    return files.values.filter { $0.count >= Self.many }.sorted { ($1.count, $0[0].number) < ($0.count, $1[0].number) }
      .map { records in
        let reason =
          "\(records.count) descriptors of one \(records[0].kind), \(records[0].target): \(Numbers.some(records.map(\.number)))"
        return Suspect(.manyOfOneFile, .likely, reason, records.map(\.number))
      }
  }

  /// What programs that the process starts would inherit.
  var inheritedSuspects: [Suspect] {
    let numbers = last.descriptors.filter { $0.number > 2 && !$0.isCloseOnExec }.map(\.number)
    guard !numbers.isEmpty else { return [] }
    let count = Numbers.count(numbers.count, "descriptor")
    let reason = "\(count) would go to every program that it starts: \(Numbers.some(numbers))"
    return [Suspect(.noCloseOnExec, .possible, reason, numbers)]
  }
}
