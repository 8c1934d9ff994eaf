// How numbers, spans of time and tables read.

internal import DescriptorWatch
internal import IPCKitTesting
internal import TerminalText
internal import Testing

@Suite(.leakFree) struct NumbersTests {
  @Test func rangesDrawRunsTogether() {
    #expect(Numbers.ranges([9, 3, 5, 6, 7]) == "3 5-7 9")
    #expect(Numbers.ranges([3, 4, 9]) == "3 4 9")
    #expect(Numbers.ranges([]) == "")
  }

  @Test func veryManyRangesAreCut() {
    #expect(Numbers.some(Array(3...5002)) == "3-5002")
    let odd = (0..<50).map { Int32($0 * 2) }
    #expect(Numbers.some(odd) == "\(Numbers.ranges(Array(odd.prefix(20)))) and 30 more")
    #expect(Numbers.some([7]) == "7")
  }

  @Test func numbersAreShort() {
    #expect(Numbers.short(2) == "2")
    #expect(Numbers.short(1.94) == "1.9")
    #expect(Numbers.short(1.96) == "2")
    #expect(Numbers.short(340.4) == "340")
    #expect(Numbers.short(.nan) == "-")
    #expect(Numbers.short(0.0234, digits: 2) == "0.02")
    #expect(Numbers.short(0.0234, digits: 3) == "0.023")
    #expect(Numbers.short(2.0001, digits: 3) == "2")
    #expect(Numbers.short(12.34, digits: 3) == "12.3")
    #expect(Numbers.change(1, "device") == "+1 device")
    #expect(Numbers.change(-1, "file") == "-1 file")
    #expect(Numbers.change(-2, "file") == "-2 files")
    #expect(Numbers.short(1e300) == "-")
    #expect(Numbers.time(-3) == "-3 s")
    #expect(Numbers.time(-1e300) == "an unknown time")
    #expect(Numbers.size(17) == "17 bytes")
    #expect(Numbers.size(4404019) == "4.2 MiB")
    #expect(Numbers.time(0.25) == "250 ms")
    #expect(Numbers.time(.seconds(300)) == "5 min")
    #expect(Numbers.count(1, "process") == "1 process")
    #expect(Numbers.count(2, "process") == "2 processes")
    #expect(Numbers.count(2, "directory") == "2 directories")
  }

  @Test func spansOfTimeAreRead() {
    #expect(WatchOptions.duration("500ms") == .milliseconds(500))
    #expect(WatchOptions.duration("1s") == .seconds(1))
    #expect(WatchOptions.duration("0.5") == .milliseconds(500))
    #expect(WatchOptions.duration("2m") == .seconds(120))
    #expect(WatchOptions.duration("1h") == .seconds(3600))
    #expect(WatchOptions.duration("0") == .zero)
    for text in ["", "s", "-1s", "1d", "1 s", "1e9", "nan", "inf", "1.2.3s", "99999999999h", "٣s"] {
      #expect(WatchOptions.duration(text) == nil, "\(text)")
    }
  }

  @Test func sentencesAreBrokenBetweenWords() {
    #expect(TextWrapping.lines("one two three", width: 8) == ["one two", "three"])
    #expect(TextWrapping.lines("one two", width: 7) == ["one two"])
    #expect(TextWrapping.lines("a longerword b", width: 4) == ["a", "long", "erwo", "rd b"])
    #expect(TextWrapping.lines("", width: 4) == [])
  }

  @Test func tablesHaveColumnsAsWideAsTheirWidest() {
    #expect(TextTable.lines([["a", "bb", "c"], ["aaa", "b", ""]]) == ["a    bb  c", "aaa  b"])
    #expect(TextTable.lines([["long first cell"], ["a", "b"]]) == ["long first cell", "a  b"])
    #expect(TextTable.lines([]) == [])
  }
}
