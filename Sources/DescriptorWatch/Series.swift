// A process over time: how many descriptors there were at each sample, and which of them have stayed as they were.

/// Samples of one process.
package struct Series: Sendable {
  /// The samples that are kept: the first, the last, and evenly between them.
  package private(set) var points: [Point] = []
  /// How many descriptors there were at each point.
  package private(set) var totals: [Int] = []
  /// The same of each group that has a member in the last sample, or is a kind.
  package private(set) var counts: [Group: [Int]] = [:]
  package private(set) var first: Snapshot
  package private(set) var last: Snapshot
  /// How many samples were taken.
  package private(set) var taken = 0
  /// How long each number has been the same.
  private var ages: [Int32: Age] = [:]

  /// How many points are kept. When there are more, every second one is let go of.
  private let capacity: Int
  /// Every how many samples there is a point.
  private var stride = 1

  /// A sample's place in time.
  package struct Point: Hashable, Sendable {
    /// The first sample's is 0.
    package var ordinal: Int
    /// Since the first.
    package var time: Duration

    package init(ordinal: Int, time: Duration) {
      self.ordinal = ordinal
      self.time = time
    }
  }

  private struct Age {
    var record: DescriptorRecord
    /// In how many samples in a row it was the same file.
    var samples = 1
    /// In how many in a row nothing about it has changed.
    var unchanged = 1
    /// In how many its other end was seen to be gone, without one in between that saw another.
    var abandoned = 0
    var isNew = false
  }

  /// Begins with a sample.
  package init(_ snapshot: Snapshot, capacity: Int = 1024) {
    precondition(capacity >= 4, "too few samples to see growth in")
    self.capacity = capacity
    first = snapshot
    last = snapshot
    add(snapshot, at: .zero)
  }

  /// Takes in a sample of the same process.
  /// - Parameter time: since the first.
  package mutating func add(_ snapshot: Snapshot, at time: Duration) {
    var snapshot = snapshot
    let seen = snapshot.abandonedNumbers
    if snapshot.processesOutOfSight == nil { snapshot.keepEnds { ages[$0]?.record } }
    makeRoom()
    points.append(Point(ordinal: taken, time: time))
    taken += 1
    totals.append(snapshot.descriptors.count)
    let groups = snapshot.groups
    for (group, count) in groups {
      counts[group, default: [Int](repeating: 0, count: points.count - 1)].append(count)
    }
    for group in Array(counts.keys) where groups[group] == nil {
      // Files with ever new names would make ever more groups.
      if group.what == nil { counts[group]?.append(0) } else { counts[group] = nil }
    }
    age(snapshot, seen)
    last = snapshot
  }

  /// Lets go of the last point when it was only kept for being the last, and of every second one when there are too many.
  private mutating func makeRoom() {
    if let last = points.last, !last.ordinal.isMultiple(of: stride) { keep(Array(points.indices.dropLast())) }
    guard points.count == capacity else { return }
    stride *= 2
    keep(points.indices.filter { points[$0].ordinal.isMultiple(of: stride) })
  }

  private mutating func keep(_ kept: [Int]) {
    points = kept.map { points[$0] }
    totals = kept.map { totals[$0] }
    for (group, values) in counts { counts[group] = kept.map { values[$0] } }
  }

  /// Takes over who holds the other ends from a later look, for the descriptors that are the same still.
  package mutating func learnEnds(from later: Snapshot) {
    guard let outOfSight = later.processesOutOfSight, later.process.isSameProcess(as: last.process) else { return }
    let found = later.byNumber
    for index in last.descriptors.indices {
      guard let record = found[last.descriptors[index].number], record.isSameFile(as: last.descriptors[index]) else {
        continue
      }
      last.descriptors[index].otherEnd = record.otherEnd
    }
    last.processesOutOfSight = outOfSight
  }

  /// - Parameter seen: those whose other end this sample has seen to be gone.
  private mutating func age(_ snapshot: Snapshot, _ seen: Set<Int32>) {
    var now: [Int32: Age] = [:]
    now.reserveCapacity(snapshot.descriptors.count)
    for record in snapshot.descriptors {
      var age = Age(record: record, isNew: taken > 1)
      if let before = ages[record.number], before.record.isSameFile(as: record) {
        age.samples = before.samples + 1
        age.isNew = before.isNew
        if before.record.socket == record.socket, before.record.offset == record.offset {
          age.unchanged = before.unchanged + 1
        }
        age.abandoned = before.abandoned
      }
      // What was only learnt before is no further sight of it.
      age.abandoned = seen.contains(record.number) ? age.abandoned + 1 : record.isAbandoned ? age.abandoned : 0
      now[record.number] = age
    }
    ages = now
  }

  /// In how many samples in a row, the last included, nothing was seen to happen to the descriptor.
  package func samplesUnchanged(_ number: Int32) -> Int { ages[number]?.unchanged ?? 0 }

  /// In how many samples its other end was seen to be gone, since it was seen otherwise. Some do not look for it.
  package func samplesAbandoned(_ number: Int32) -> Int { ages[number]?.abandoned ?? 0 }

  /// Whether it has come after the first sample.
  package func isNew(_ number: Int32) -> Bool { ages[number]?.isNew ?? false }

  /// Kinds with their first and last counts, the largest first.
  package var kinds: [(kind: String, counts: [Int])] {
    counts.compactMap { group, values in group.what == nil ? (group.kind, values) : nil }
      .sorted { ($0.1.last ?? 0, $1.0) > ($1.1.last ?? 0, $0.0) }
  }

  /// How many more there are of each kind than at the start; those that are as many are not in it.
  package var growthByKind: [String: Int] {
    var growth: [String: Int] = [:]
    for (kind, values) in kinds {
      let difference = (values.last ?? 0) - (values.first ?? 0)
      if difference != 0 { growth[kind] = difference }
    }
    return growth
  }
}
