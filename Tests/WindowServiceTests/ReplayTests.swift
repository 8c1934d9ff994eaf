// Output that is shown a second time: what would make the terminal answer is left out, and nothing else.

internal import IPCKitTesting
internal import Testing

@testable internal import WindowService

@Suite(.leakFree) struct ReplayTests {
  private func replayed(_ text: String, isCutOff: Bool = false) -> String {
    String(decoding: Replay.of(Array(text.utf8), isCutOff: isCutOff), as: UTF8.self)
  }

  @Test(arguments: [
    "\u{1B}[c", "\u{1B}[>c", "\u{1B}[=0c", "\u{1B}[6n", "\u{1B}[?6n", "\u{1B}Z", "\u{05}", "\u{1B}[18t", "\u{1B}[14;2t",
    "\u{1B}[?2026$p", "\u{1B}[?u", "\u{1B}[>q", "\u{1B}[>0q", "\u{1B}]11;?\u{07}", "\u{1B}]10;?\u{1B}\\",
    "\u{1B}]52;c;?\u{07}", "\u{1B}P+q544e\u{1B}\\", "\u{1B}P$qm\u{1B}\\",
    "\u{1B}_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\u{1B}\\",
    "\u{1B}[?1;1;0S", "\u{1B}[1;1;1;1;1;1*y", "\u{1B}[?4m",
  ])
  func questionsAreLeftOut(_ question: String) {
    #expect(replayed(question) == "")
    #expect(replayed("a\(question)b\(question)") == "ab")
  }

  @Test(arguments: [
    "plain", "\u{1B}[31mred\u{1B}[0m", "\u{1B}[2J\u{1B}[10;20H", "\u{1B}]0;what? a title\u{1B}", "\u{1B}(B",
    "\u{1B}7\u{1B}8",
    "\u{1B}[?1049h", "\u{1B}[22;0t", "\u{1B}Pq#0;2;0;0;0\u{1B}\\", "\u{1B}]8;;http://a\u{07}link\u{1B}]8;;\u{07}",
    "é\u{9B}",
    "\u{1B}[>4;2m", "\u{1B}[5 q", "\u{1B}[>1u", "\u{1B}[3S",
  ])
  func theRestStays(_ output: String) { #expect(replayed(output) == output) }

  @Test func whatHasNotEndedStaysForItsEnd() {
    for beginning in ["\u{1B}", "\u{1B}[", "\u{1B}[?25", "\u{1B}]11;?", "\u{1B}]0;x\u{1B}", "\u{1B}P", "\u{1B}("] {
      #expect(replayed("x" + beginning) == "x" + beginning)
    }
  }

  @Test func beginsWithALineWhereTheFirstIsCutOff() {
    #expect(replayed("5;1mrest\nfirst\nsecond", isCutOff: true) == "first\nsecond")
    #expect(replayed("5;1mrest\nfirst\nsecond") == "5;1mrest\nfirst\nsecond")
    let long = String(repeating: "x", count: 5000) + "\ny"
    #expect(replayed(long, isCutOff: true) == long)
  }

  @Test func screenfulIsTheLastLines() {
    let lines = (1...100).map { "line \($0)\r\n" }
    func screenful(_ columns: Int, _ rows: Int) -> String {
      String(decoding: Replay.screenful(of: Array(lines.joined().utf8), columns: columns, rows: rows), as: UTF8.self)
    }
    #expect(screenful(80, 5) == lines.suffix(4).joined())
    #expect(screenful(80, 1) == "")
    #expect(screenful(80, 1000) == lines.joined())
    // As many bytes as such a screen has at most: the line that they begin in is not whole.
    #expect(screenful(3, 10) == lines.suffix(9).joined())
  }
}
