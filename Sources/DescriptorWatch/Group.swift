// What is counted together: a kind, and within it what the descriptors have in common. A leak makes more of the same.

/// A kind of descriptor, or those of it that lead to the same.
package struct Group: Codable, Hashable, Sendable {
  /// As in ``DescriptorRecord/kind``.
  package var kind: String
  /// What they have in common, in words behind the kind; nil for all of the kind. Foreign text may be in it.
  package var what: String?

  package init(kind: String, what: String? = nil) {
    self.kind = kind
    self.what = what
  }

  /// `unix stream socket`, `device /dev/null`.
  package var title: String { what.map { "\(kind) \($0)" } ?? kind }

  /// For those of which both ends are in the process alone.
  static let inPairs = "in pairs of this process alone"
  /// For those whose other end has gone.
  static let abandoned = "with nobody at the other end"
}

extension Snapshot {
  /// How many there are in each group.
  package var groups: [Group: Int] {
    let paired = pairedNumbers
    var counts: [Group: Int] = [:]
    for record in descriptors {
      for group in Self.groups(of: record, isPaired: paired.contains(record.number)) { counts[group, default: 0] += 1 }
    }
    return counts
  }

  /// Those that belong to a group.
  package func members(of group: Group) -> [DescriptorRecord] {
    let paired = pairedNumbers
    return descriptors.filter { record in
      record.kind == group.kind
        && Self.groups(of: record, isPaired: paired.contains(record.number)).contains(group)
    }
  }

  private var pairedNumbers: Set<Int32> { Set(pairs.flatMap { [$0.first.number, $0.second.number] }) }

  /// The kind first, then what says more.
  private static func groups(of record: DescriptorRecord, isPaired: Bool) -> [Group] {
    var groups = [Group(kind: record.kind)]
    if isPaired { groups.append(Group(kind: record.kind, what: Group.inPairs)) }
    if record.isAbandoned { groups.append(Group(kind: record.kind, what: Group.abandoned)) }
    for what in record.places { groups.append(Group(kind: record.kind, what: what)) }
    return groups
  }
}

extension DescriptorRecord {
  /// Where it leads, in the ways in which others may lead to the same.
  fileprivate var places: [String] {
    if let socket {
      if socket.state == "listening" { return socket.address.map { ["listening at \($0)"] } ?? [] }
      return [socket.address.map { "at \($0)" }, socket.peerAddress.map { "to \($0)" }].compactMap { $0 }
    }
    return target.hasPrefix("/") && terminalIndex == nil ? [target] : []
  }
}
