// Other ends that were found by an earlier look, for those that have no time to search other processes: what was gone is
// gone still, and who held an end holds it until a look says otherwise.

extension Snapshot {
  /// Those whose other end has gone.
  var abandonedNumbers: Set<Int32> { Set(descriptors.lazy.filter(\.isAbandoned).map(\.number)) }

  /// Takes over the other ends that an earlier look found, for the descriptors that are the same still.
  /// - Parameter earlier: what a number stood for at the last look.
  mutating func keepEnds(of earlier: (Int32) -> DescriptorRecord?) {
    for index in descriptors.indices {
      let record = descriptors[index]
      guard let before = earlier(record.number), before.isSameFile(as: record), let known = before.otherEnd else {
        continue
      }
      descriptors[index].otherEnd =
        record.otherEnd.map { $0.completed(by: known, in: process.pid) }
        ?? known.beyond(process.pid)
    }
  }
}

extension DescriptorRecord.End {
  /// What this process alone shows of an end, with those who were found in others.
  fileprivate func completed(by known: Self, in processID: Int32) -> Self {
    guard state == .held, known.state == .held else { return self }
    var end = self
    end.holders += known.holders.filter { $0.pid != processID }
    return end
  }

  /// What is still to be believed when this process is seen not to have the end; nil for nothing.
  fileprivate func beyond(_ processID: Int32) -> Self? {
    guard state == .held else { return self }
    var end = self
    end.holders.removeAll { $0.pid == processID }
    return end.holders.isEmpty ? nil : end
  }
}
