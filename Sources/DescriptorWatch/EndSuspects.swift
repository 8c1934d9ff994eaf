// What is left of something that has ended: ends without another, and registrations of what was closed.

internal import IPCKit

extension Series {
  /// Descriptors whose other end nobody holds, by kind.
  var endSuspects: [Suspect] {
    // Standard streams are what somebody else has given, and closed when it was done.
    let gone = last.descriptors.filter { $0.isAbandoned && $0.number > 2 }
    return Dictionary(grouping: gone, by: \.kind).sorted { $0.key < $1.key }.map { kind, records in
      let samples = records.map { samplesAbandoned($0.number) }.max() ?? 1
      let lasting = samples >= 3
      let confidence: Confidence =
        kind == "pidfd" ? .possible : lasting ? .certain : samples == 2 || records.count >= 8 ? .likely : .possible
      let since = samples > 1 ? " for \(samples) samples" : ""
      let reason = "\(Numbers.count(records.count, kind)) \(Self.fate(of: records[0]))\(since)\(news(records))"
      return Suspect(.otherEndGone, confidence, reason, records.map(\.number))
    }
  }

  /// How fast they become more: they may not with every sample, where the samples are taken faster than they come.
  private func news(_ records: [DescriptorRecord]) -> String {
    let new = records.count { isNew($0.number) }
    guard taken > 1, new > 0 else { return "" }
    let rate = Double(new) / Double(taken - 1)
    return ", \(new) of them new" + (rate < 0.05 ? "" : " (+\(Numbers.short(rate)) a sample)")
  }

  private static func fate(of record: DescriptorRecord) -> String {
    switch record.kind {
    case "pidfd": "of a process that has gone or is out of sight, and is still kept"
    case "terminal master":
      record.otherEnd?.state == .gone ? "with nobody on the other side" : "with nobody in sight on the other side"
    case "terminal slave": "whose terminal is gone"
    case "pipe", "FIFO": record.access == "reading" ? "that nobody writes to any more" : "that nobody reads any more"
    default: "closed by the peer and still open here"
    }
  }

  /// What epoll instances watch under numbers that lead elsewhere.
  var registrationSuspects: [Suspect] {
    let held = last.byNumber
    return last.descriptors.compactMap { record in
      let stale = (record.watches ?? []).filter { $0.isStale(now: held[$0.number]) }
      guard !stale.isEmpty else { return nil }
      let free = stale.filter { held[$0.number] == nil }.map(\.number)
      let others = stale.filter { held[$0.number] != nil }.map(\.number)
      var parts: [String] = []
      if !free.isEmpty { parts.append("\(Numbers.some(free)), which \(free.count == 1 ? "is" : "are") not open") }
      if !others.isEmpty {
        parts.append("\(Numbers.some(others)), which \(others.count == 1 ? "leads" : "lead") elsewhere now")
      }
      let reason =
        "epoll \(record.number) watches \(parts.joined(separator: " and ")): the file was closed here while a copy of it lives"
      let lasting = samplesUnchanged(record.number) >= 3
      return Suspect(.staleRegistration, lasting ? .certain : .likely, reason, [record.number] + stale.map(\.number))
    }
  }
}

extension DescriptorRecord.Watch {
  /// Whether the number is free, or surely another file's than the one that was registered.
  fileprivate func isStale(now record: DescriptorRecord?) -> Bool {
    guard let record else { return true }
    // epoll takes none of these, so that it cannot be what was registered.
    if record.kind == "directory" || record.kind == "memfd" { return true }
    // A file without a place has no inode of its own; a file system over others may show another one than the kernel has.
    guard let inode, let found = record.inode else { return false }
    // Of files it takes only those of /proc, /sys and the like, which have one inode.
    return (record.socket != nil || ["pipe", "file", "deleted file"].contains(record.kind)) && inode != found
  }
}
