// The end of every run: the report, the file to keep, and the judgement.

internal import Glibc
internal import IPCKit
internal import TerminalText

/// What is told and kept when the last sample has been taken.
struct Conclusion {
  private let series: Series
  private let options: WatchOptions
  private let difference: Difference?
  /// How the process ended, if it did.
  var end: String?

  init(_ series: Series, _ options: WatchOptions, _ compared: Snapshot?) {
    self.series = series
    self.options = options
    difference = compared.map { Difference(from: $0, to: series.last) }
  }

  /// Why growth is not judged, if somebody would want to know.
  private var notJudged: String? {
    guard difference == nil, series.taken < 2 else { return nil }
    let isOfInterest = !options.command.isEmpty || options.interval != nil && options.growthLimit != nil
    let when = options.warmUp > .zero ? "after the warm-up of \(Numbers.time(options.warmUp))" : "in all"
    return isOfInterest ? "there was one sample \(when) at most: growth is not judged" : nil
  }

  /// What grew too much; nil when nothing did, or nobody asked.
  private var excess: ExcessGrowth? {
    guard let limit = options.growthLimit, notJudged == nil else { return nil }
    if let difference {
      return ExcessGrowth(difference.growth, total: difference.to - difference.from, limit: limit)
    }
    let (first, last) = series.ends ?? (0, 0)
    return ExcessGrowth(series.growthByKind, total: last - first, limit: limit)
  }

  /// Saves, prints, and answers the exit status: 0, or 2 for too much growth.
  mutating func tell() throws(WatchFailure) -> Int32 {
    if let path = options.savePath { try SnapshotFile.write(series.last, to: path) }
    let excess = excess
    try print(options.isJSON ? document(excess) : text())
    guard let excess else { return 0 }
    OutputStream.complain(excess.message, as: "fdwatch")
    return 2
  }

  private var stream: OutputStream { options.command.isEmpty ? .output : .errors }

  private func document(_ excess: ExcessGrowth?) throws(WatchFailure) -> [UInt8] {
    var document = ReportDocument(series)
    document.difference = difference
    document.end = end
    document.failure = excess?.message
    document.note = notJudged
    let line = try JSONText.line(document)
    let isShown = options.reportPath == nil && stream.isTerminal
    return isShown ? Array(DisplayText.escapedJSON(line).utf8) : line
  }

  private func text() -> [UInt8] {
    let style =
      options.reportPath != nil && options.color == .auto ? Style(isColored: false) : options.color.style(for: stream)
    let width = options.reportPath == nil && stream.isTerminal ? Display.size(of: stream).columns : nil
    let report = Report(series, style, showsAll: options.showsAll, width: width)
    var lines: [String]
    if let difference {
      lines =
        report.header + report.suspectLines + difference.lines(style, showsAll: options.showsAll) + report.noteLines
    } else {
      lines = report.lines
    }
    if let notJudged { lines += ["", style.dim("note: \(notJudged)")] }
    if let end { lines += ["", style.bold(end)] }
    return Array((lines.joined(separator: "\n") + "\n").utf8)
  }

  private func print(_ bytes: [UInt8]) throws(WatchFailure) {
    guard let path = options.reportPath else {
      do throws(SystemError) { return try stream.write(bytes) } catch { throw WatchFailure("\(error)") }
    }
    // The path is a C string for the length of the call.
    let number = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard number >= 0 else { throw WatchFailure("\(SystemError(errno: errno, operation: "open", object: path))") }
    // open just handed the number out.
    try SnapshotFile.fill(unsafe FileDescriptor(owning: number), bytes, path)
  }
}
