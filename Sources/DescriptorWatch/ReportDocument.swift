// What fdwatch writes with --json: lines of samples while it watches, and one report.

/// A sample, in a line of its own.
struct SampleDocument: Codable {
  var type = "sample"
  /// In seconds since 1970.
  var time: Double
  /// Since the first sample, in seconds.
  var seconds: Double
  var total: Int
  var kinds: [String: Int]

  init(_ series: Series) {
    time = series.last.time
    seconds = series.seconds
    total = series.last.descriptors.count
    kinds = series.last.kinds
  }
}

/// The report: the whole answer, or the last line of it.
package struct ReportDocument: Codable {
  package var type = "report"
  package var samples: Int
  /// From the first sample to the last.
  package var seconds: Double
  /// How many descriptors there were at first.
  package var first: Int
  /// How many more of each kind at the end; those that are as many are not in it.
  package var growth: [String: Int]
  package var suspects: [Suspect]
  /// Nil for a command that ended before it could be looked at.
  package var snapshot: Snapshot?
  /// With --diff.
  package var difference: Difference?
  /// How the process ended, if it did, or why it was watched no longer: `the command exited with status 0`.
  package var end: String?
  /// What was missed: why growth was not judged, or there are fewer samples than there should be.
  package var note: String?
  /// What grew beyond --fail-on-growth.
  package var failure: String?

  init(_ series: Series?) {
    samples = series?.taken ?? 0
    seconds = series?.seconds ?? 0
    first = series?.ends?.first ?? 0
    growth = series?.growthByKind ?? [:]
    suspects = series?.suspects ?? []
    snapshot = series?.last
  }
}
