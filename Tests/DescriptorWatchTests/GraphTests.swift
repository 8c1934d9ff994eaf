// Graphs: how counts look.

internal import DescriptorWatch
internal import IPCKitTesting
internal import Testing

@Suite(.leakFree) struct GraphTests {
  @Test func eightHeightsBetweenTheLeastAndTheMost() {
    #expect(Graph.line([1, 2, 3, 4, 5, 6, 7, 8], width: 8) == "▁▂▃▄▅▆▇█")
    #expect(Graph.line([100, 107], width: 80) == "▁█")
  }

  @Test func whatDoesNotChangeIsALineAtTheBottom() {
    #expect(Graph.line([7, 7, 7], width: 3) == "▁▁▁")
    #expect(Graph.line([], width: 3) == "")
    #expect(Graph.line([1], width: 0) == "")
  }

  @Test func moreValuesThanColumnsShareThemByTheirLargest() {
    #expect(Graph.line([0, 7, 0, 0], width: 2) == "█▁")
    #expect(Graph.line(Array(0..<100), width: 10).count == 10)
  }
}
