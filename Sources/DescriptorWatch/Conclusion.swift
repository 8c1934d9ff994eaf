// The end of every run: the report, the judgement, and the file to keep.

internal import Glibc
internal import IPCKit
internal import TerminalText

/// What is told and kept when the last sample has been taken.
struct Conclusion {
  /// Nil for a command that ended before its first sample.
  private let series: Series?
  private let options: WatchOptions
  private let difference: Difference?
  /// How the process ended, if it did, or why it is watched no longer.
  var end: String?
  /// Why there are fewer samples than there should be.
  var trouble: String?
  /// Where the report goes instead of a standard stream.
  var file: ReportFile?

  init(_ series: Series?, _ options: WatchOptions, _ compared: Snapshot?) {
    self.series = series
    self.options = options
    difference = series.flatMap { series in compared.map { Difference(from: $0, to: series.last) } }
  }

  /// What was missed, for somebody who relies on the report.
  private var note: String? {
    guard let series else {
      let reason = trouble ?? "the command ended before it could be looked at"
      return options.growthLimit == nil ? reason : "growth is not judged: \(reason)"
    }
    return trouble ?? notJudged(series)
  }

  /// Why growth is not judged; nil when it is, or nobody watches.
  private func notJudged(_ series: Series) -> String? {
    guard difference == nil, series.taken < 2, options.interval != nil || !options.command.isEmpty else { return nil }
    let warmUp = Numbers.time(options.warmUp)
    let when = options.warmUp > .zero ? " after the warm-up of \(warmUp) (--warm-up 0 is without)" : ""
    return "growth is not judged: fewer than two samples were taken\(when)"
  }

  /// What grew too much; nil when nothing did, or nobody asked.
  private var excess: ExcessGrowth? {
    guard let limit = options.growthLimit, let series, notJudged(series) == nil else { return nil }
    if let difference {
      return ExcessGrowth(difference.growth, total: difference.to - difference.from, limit: limit)
    }
    let (first, last) = series.ends ?? (0, 0)
    return ExcessGrowth(series.growthByKind, total: last - first, limit: limit)
  }

  /// Whether more than a report was asked for, and there was too little to do it with.
  private var isWanting: Bool {
    let isIncomplete = trouble != nil || series == nil
    let isJudged = series.map { notJudged($0) == nil } ?? false
    return options.growthLimit != nil && (isIncomplete || !isJudged) || options.savePath != nil && isIncomplete
  }

  /// Prints, judges and saves; what one of them cannot do does not keep the next from it.
  /// - Returns: the exit status: 2 for too much growth, 1 when something that was asked for could not be done, which has
  ///   been told; 0.
  func tell() -> Int32 {
    var status: Int32 = isWanting ? 1 : 0
    let excess = excess
    do throws(WatchFailure) {
      try print(options.isJSON ? document(excess) : text())
    } catch {
      Self.complain(error.message)
      // The status of a command is not the report's.
      if options.command.isEmpty { status = 1 }
    }
    if let excess { Self.complain(excess.message) }
    if isWanting, let note { Self.complain(note) }
    do throws(WatchFailure) { try save() } catch {
      Self.complain(error.message)
      status = 1
    }
    return excess == nil ? status : 2
  }

  private static func complain(_ message: String) { OutputStream.complain(message, as: "fdwatch") }

  private func save() throws(WatchFailure) {
    guard let path = options.savePath, let series else { return }
    // Who watches has blocked the signals that would end him while he waits for a reader.
    let isWatch = options.interval != nil || !options.command.isEmpty
    try SnapshotFile.write(series.last, to: path, patience: isWatch ? .seconds(5) : nil)
  }

  private var stream: OutputStream { options.command.isEmpty ? .output : .errors }

  private func document(_ excess: ExcessGrowth?) throws(WatchFailure) -> [UInt8] {
    var document = ReportDocument(series)
    document.difference = difference
    document.end = end
    document.failure = excess?.message
    document.note = note
    let line = try JSONText.line(document)
    let isShown = file == nil && stream.isTerminal
    return isShown ? Array(DisplayText.escapedJSON(line).utf8) : line
  }

  private func text() -> [UInt8] {
    let style = file != nil && options.color == .auto ? Style(isColored: false) : options.color.style(for: stream)
    let width = file == nil && stream.isTerminal ? Display.size(of: stream).columns : nil
    var lines = series.map { told(Report($0, style, showsAll: options.showsAll, width: width)) } ?? []
    if let note { lines += (lines.isEmpty ? [] : [""]) + [style.dim("note: \(DisplayText.escaped(note))")] }
    if let end { lines += (lines.isEmpty ? [] : [""]) + [style.bold(DisplayText.escaped(end))] }
    return Array((lines.joined(separator: "\n") + "\n").utf8)
  }

  private func told(_ report: Report) -> [String] {
    guard let difference else { return report.lines }
    return report.header + report.suspectLines + difference.lines(report.style, showsAll: options.showsAll)
      + report.noteLines
  }

  private func print(_ bytes: [UInt8]) throws(WatchFailure) {
    if let file { return try file.write(bytes) }
    do throws(SystemError) { try stream.write(bytes) } catch { throw WatchFailure("\(error)") }
  }
}
