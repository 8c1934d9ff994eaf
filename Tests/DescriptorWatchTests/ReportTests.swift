// What a person reads: alike things in one line, long groups cut, and nothing that moves the cursor.

internal import DescriptorWatch
internal import IPCKitTesting
internal import TerminalText
internal import Testing

private func report(_ snapshot: Snapshot, showsAll: Bool = false) -> [String] {
  Report(Series(snapshot), Style(isColored: false), showsAll: showsAll).lines
}

@Suite(.leakFree) struct ReportTests {
  @Test func alikeDescriptorsAreOneLineAndPairsAreOne() throws {
    let python = try Python(
      """
      keep += [os.open('/dev/zero', os.O_RDONLY) for _ in range(5)]
      keep += socket.socketpair()
      """)
    let snapshot = try python.snapshot()
    let lines = report(snapshot)
    let numbers = snapshot.descriptors.filter { $0.target == "/dev/zero" }.map(\.number)
    #expect(lines.contains { $0.hasPrefix("  \(Numbers.ranges(numbers))  /dev/zero") })
    let pair = try #require(snapshot.pairs.first)
    #expect(lines.contains { $0.hasPrefix("  \(pair.numbers)  connected") && $0.contains("both ends here") })
    #expect(lines[0].hasPrefix("\(snapshot.process.name) (\(python.id)), user "))
    #expect(lines[0].contains("\(snapshot.descriptors.count) descriptors, limit "))
  }

  @Test func suspectsStandBeforeTheKinds() throws {
    let python = try Python("keep += socket.socketpair()")
    let lines = report(try python.snapshot())
    let suspects = try #require(lines.firstIndex(of: "suspects"))
    let kinds = try #require(lines.firstIndex { $0.hasPrefix("unix stream socket: 2") })
    #expect(suspects < kinds)
    #expect(lines[suspects + 1].hasPrefix("  idle pair (possible)  1 socketpair "))
  }

  @Test func longGroupsAreCutUnlessAllIsAskedFor() throws {
    let python = try Python("keep += [socket.socketpair() for _ in range(30)]")
    let snapshot = try python.snapshot()
    #expect(report(snapshot).contains("  and 40 more (--all)"))
    let all = report(snapshot, showsAll: true)
    #expect(!all.contains { $0.contains("--all") })
    #expect(all.count { $0.contains("both ends here") } == 30)
  }

  @Test func foreignNamesAreEscaped() throws {
    let python = try Python(
      """
      ctypes.CDLL(None).prctl(15, b'ev\\x1b[2Jil', 0, 0, 0)
      file = tempfile.NamedTemporaryFile(prefix='x\\x1b]0;y\\x07\\n')
      """)
    let snapshot = try python.snapshot()
    let lines = report(snapshot)
    #expect(snapshot.process.name == "ev\u{1B}[2Jil")
    #expect(lines[0].hasPrefix("ev\\e[2Jil ("))
    #expect(lines.contains { $0.contains("x\\e]0;y\\u{7}\\n") })
    #expect(!lines.joined().unicodeScalars.contains { $0.value < 0x20 })
  }

  @Test func whatCannotBeKnownIsTold() throws {
    let python = try Python("")
    var snapshot = try python.snapshot()
    snapshot.missed = 2
    snapshot.processesOutOfSight = 3
    let lines = report(snapshot)
    #expect(lines.contains { $0.hasPrefix("note: 2 descriptors came and went") })
    #expect(lines.contains { $0.hasPrefix("note: 3 processes could not be looked into") })
  }

  @Test func aPageFitsItsTerminal() throws {
    let python = try Python("keep += [socket.socketpair() for _ in range(3)]", step: "keep += socket.socketpair()")
    let series = try python.series(6)
    for (columns, rows) in [(80, 24), (40, 10), (20, 5), (200, 60)] {
      let page = Page(series, Style(isColored: false), .seconds(1))
      let lines = page.lines(columns: columns, rows: rows)
      #expect(lines.allSatisfy { $0.count <= columns }, "\(columns)")
      if rows >= 10 { #expect(lines.count <= rows, "\(rows)") }
      #expect(page.text(columns: columns, rows: rows).split(separator: "\r\n").count <= rows)
    }
    let lines = Page(series, Style(isColored: false), .seconds(1)).lines(columns: 80, rows: 24)
    let row = try #require(lines.first { $0.hasPrefix("unix stream socket") })
    #expect(row.contains("16") && row.contains("+10") && row.contains("▁▂▃▅▆█") || row.hasSuffix("█"))
  }

  @Test func aSampleIsALine() throws {
    let python = try Python("", step: "keep += os.pipe()")
    let series = try python.series(3)
    let total = series.last.descriptors.count
    #expect(SampleLine.text(series) == "2 s  \(total) descriptors (+4)  pipe +4")
  }
}
