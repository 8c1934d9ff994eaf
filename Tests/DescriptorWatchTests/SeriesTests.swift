// Counts over time: which are growth, and what is kept when there are very many.

internal import DescriptorWatch
internal import FoundationEssentials
internal import Glibc
internal import IPCKitTesting
internal import Testing

private let kind = Group(kind: "pipe")

private func growth(_ counts: [Int], of group: Group = kind) -> Growth? {
  Growth(group, counts, counts.indices.map { Series.Point(ordinal: $0, time: .milliseconds(500 * $0)) })
}

@Suite(.leakFree) struct SeriesTests {
  @Test func risingWithEverySampleIsGrowth() {
    #expect(growth([1, 2]) == nil)
    #expect(growth([1, 2, 3])?.confidence == .likely)
    #expect(growth([1, 2, 3, 4, 5])?.confidence == .certain)
    // One sample that came early does not acquit.
    #expect(growth([1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10])?.confidence == .certain)
    #expect(growth([1, 2, 3, 3, 4])?.confidence == .likely)
    #expect(growth([1, 2, 3], of: Group(kind: "pipe", what: "in pairs of this process alone"))?.confidence == .certain)
  }

  @Test func itBeginsWhereItLastFellOrWasFlat() throws {
    let found = try #require(growth([9, 9, 3, 3, 3, 4, 6, 8]))
    #expect((found.from, found.to, found.samples, found.steps, found.rises) == (3, 8, 4, 3, 3))
    #expect(found.seconds == 1.5)
    #expect(found.perSample == 5.0 / 3)
    #expect(found.rate == "+1.7 a sample, 3.3 a second")
  }

  @Test func slowGrowthIsToldByTheMinute() {
    let points = (0..<4).map { Series.Point(ordinal: $0, time: .seconds(10 * $0)) }
    #expect(Growth(kind, [1, 2, 3, 4], points)?.rate == "+1 a sample, 6 a minute")
    // What would be shown as nothing is left out.
    let counts = [1, 1, 2, 3, 4] + [Int](repeating: 4, count: 5)
    let slow = Growth(kind, counts, counts.indices.map { Series.Point(ordinal: $0 * 100, time: .seconds($0)) })
    #expect(slow?.rate == "+22.5 a minute")
  }

  @Test func risingNowAndThenIsLikely() {
    #expect(growth([1, 1, 2, 2, 3, 3, 4])?.confidence == .likely)
    #expect(growth([1, 2, 2, 2, 2, 2, 2, 2, 2, 2]) == nil)
  }

  @Test func whatComesAndGoesIsNone() {
    #expect(growth([5, 5, 5, 5, 5]) == nil)
    #expect(growth([5, 9, 5, 9, 5, 9, 5, 9, 5, 9]) == nil)
    #expect(growth([9, 8, 7, 6]) == nil)
  }

  @Test func aLowestThatRisesIsPossible() throws {
    let found = try #require(growth([3, 9, 3, 5, 9, 5, 7, 9, 7]))
    #expect(found.confidence == .possible)
    #expect((found.from, found.to) == (3, 7))
  }

  @Test func manySamplesAreKeptEvenly() throws {
    var snapshot = try Snapshot(processID: getpid(), findingOtherEnds: false)
    let record = try #require(snapshot.descriptors.first)
    var series = Series(snapshot, capacity: 8)
    for second in 1...1000 {
      snapshot.descriptors.append(record)
      series.add(snapshot, at: .seconds(second))
    }
    #expect(series.taken == 1001)
    #expect(series.points.count <= 8)
    #expect(series.points.first?.ordinal == 0)
    #expect(series.points.last == Series.Point(ordinal: 1000, time: .seconds(1000)))
    #expect(series.totals.last == snapshot.descriptors.count)
    let steps = Set(zip(series.points, series.points.dropFirst()).dropLast().map { $1.ordinal - $0.ordinal })
    #expect(steps.count == 1)
    #expect(series.counts.values.allSatisfy { $0.count == series.points.count })
    // The rate is by samples as they were taken.
    let found = try #require(series.growths.first)
    #expect(found.perSample == 1)
    #expect(found.samples == 1001)
  }

  @Test func otherEndsAreLearntOfALaterLook() throws {
    let python = try Python(
      "keep += socket.socketpair()",
      step: """
        go, wait = os.pipe()
        if os.fork() == 0:
          os.close(wait)
          os.read(go, 1)
          os._exit(0)
        """)
    var series = Series(try Snapshot(processID: python.id, findingOtherEnds: false))
    #expect(series.last.pairs.count == 1)
    #expect(series.last.processesOutOfSight == nil)
    // A child has the pair too from now on.
    try python.step()
    let later = try python.snapshot()
    series.learnEnds(from: later)
    #expect(series.last.pairs.isEmpty)
    #expect(series.last.processesOutOfSight == later.processesOutOfSight)
    // What has come since is not a part of the sample.
    #expect(series.last.descriptors.count == series.first.descriptors.count)
  }

  /// A sample for which there was no time to search, of one that has.
  private func unsearched(_ snapshot: Snapshot) -> Snapshot {
    var snapshot = snapshot
    snapshot.processesOutOfSight = nil
    for index in snapshot.descriptors.indices { snapshot.descriptors[index].otherEnd = nil }
    return snapshot
  }

  @Test func whatWasGoneStaysGoneWhereNobodySearched() throws {
    let python = try Python("keep += os.pipe(); keep += os.pipe()")
    var snapshot = try python.snapshot()
    snapshot.processesOutOfSight = 0
    let numbers = snapshot.pairs.flatMap { [$0.first.number, $0.second.number] }
    let gone = try JSONDecoder().decode(DescriptorRecord.End.self, from: Data(#"{"state":"gone","holders":[]}"#.utf8))
    for index in snapshot.descriptors.indices where numbers.contains(snapshot.descriptors[index].number) {
      snapshot.descriptors[index].otherEnd = gone
    }
    let group = Group(kind: "pipe", what: "with nobody at the other end")
    var series = Series(snapshot)
    series.add(snapshot, at: .seconds(1))
    series.add(unsearched(snapshot), at: .seconds(2))
    #expect(series.counts[group] == [4, 4, 4])
    // Only looks count.
    #expect(numbers.map { series.samplesAbandoned($0) } == [2, 2, 2, 2])
    series.add(snapshot, at: .seconds(3))
    #expect(numbers.map { series.samplesAbandoned($0) } == [3, 3, 3, 3])
    // Another file under the number has lost nothing.
    var other = unsearched(snapshot)
    for index in other.descriptors.indices where other.descriptors[index].number == numbers[0] {
      other.descriptors[index].inode = 1
    }
    series.add(other, at: .seconds(4))
    #expect(series.counts[group]?.last == 3)
    #expect(series.samplesAbandoned(numbers[0]) == 0)
  }

  @Test func whoHadAnEndHasItWhereNobodySearched() throws {
    let python = try Python(
      """
      keep += socket.socketpair()
      go, wait = os.pipe()
      if os.fork() == 0:
        os.close(wait)
        os.read(go, 1)
        os._exit(0)
      """)
    var series = Series(try python.snapshot())
    #expect(series.last.pairs.isEmpty)
    series.add(try Snapshot(processID: python.id, findingOtherEnds: false), at: .seconds(1))
    // The child's copies are not forgotten, so that the two are no pair of this process alone.
    #expect(series.last.pairs.isEmpty)
  }

  @Test func growthByKindLeavesOutWhatIsTheSame() throws {
    let python = try Python("keep += os.pipe()", step: "keep += socket.socketpair()")
    let series = try python.series(2)
    #expect(series.growthByKind == ["unix stream socket": 2])
    #expect(series.ends?.last == (series.ends?.first ?? 0) + 2)
  }

  @Test func growthBeyondTheLimitIsToldByKind() {
    #expect(ExcessGrowth(["pipe": 2], total: 2, limit: 2) == nil)
    #expect(
      ExcessGrowth(["pipe": 3, "file": -3], total: 0, limit: 2)?.message == "grew by more than 2: 0 in all, +3 pipes")
    #expect(ExcessGrowth(["pipe": 2, "file": 2], total: 4, limit: 2)?.message == "grew by more than 2: +4 in all")
  }
}
