// The list that owns descriptors: order, what is taken out, and that the rest is closed once, wherever the list ends.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct DescriptorListTests {
  @Test func keepsItsOrderWhileItGrows() throws {
    var list = DescriptorList()
    var expected: [String] = []
    var isEmpty = list.isEmpty
    #expect(isEmpty)
    for _ in 0..<20 {
      let pipe = try Pipe()
      expected.append(target(of: pipe.reading) ?? "?")
      list.append(pipe.reading)
      let found = names(of: list)
      #expect(found == expected)
    }
    isEmpty = list.isEmpty
    let count = list.count
    #expect(!isEmpty && count == 20)
  }

  @Test func popFirstGivesThemOutOneByOne() throws {
    let freight = try Freight(5)
    let expected = freight.names
    var list = freight.take()
    var found: [String] = []
    while let descriptor = list.popFirst() {
      found.append(target(of: descriptor) ?? "?")
      let count = list.count
      #expect(count == 5 - found.count)
    }
    #expect(found == expected)
    let another = list.popFirst() != nil
    #expect(!another)
  }

  @Test(arguments: 0..<5) func removeClosesTheGap(position: Int) throws {
    let freight = try Freight(5)
    var expected = freight.names
    var list = freight.take()
    let removed = list.remove(at: position)
    #expect(target(of: removed) == expected.remove(at: position))
    let rest = names(of: list)
    #expect(rest == expected)
    // It takes in as before.
    list.append(removed)
    let count = list.count
    #expect(count == 5)
  }

  @Test(arguments: [0, 1, 3], [0, 1, 4]) func appendsAnotherInItsOrder(count: Int, more: Int) throws {
    let (first, second) = (try Freight(count), try Freight(more))
    var list = first.take()
    list.append(contentsOf: second.take())
    let found = names(of: list)
    #expect(found == first.names + second.names)
    list = DescriptorList()
    try first.untilAllAreGone()
    try second.untilAllAreGone()
  }

  @Test(arguments: [1, 2, 3], [1, 2, 3]) func isFilledAgainAfterItWasEmptied(before: Int, after: Int) throws {
    let (first, second) = (try Freight(before), try Freight(after))
    var list = first.take()
    while let descriptor = list.popFirst() { _ = consume descriptor }
    try first.untilAllAreGone()
    list.append(contentsOf: second.take())
    let found = names(of: list)
    #expect(found == second.names)
    let count = list.count
    #expect(count == after)
  }

  @Test func startsWithOne() throws {
    let pipe = try Pipe()
    let expected = target(of: pipe.writing)
    let list = DescriptorList(pipe.writing)
    #expect(target(of: list[0]) == expected)
    let count = list.count
    #expect(count == 1)
  }

  @Test func whatIsNotTakenIsClosedOnceWhereTheListEnds() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        for taken in 0...6 {
          try quiet.expectNothingLeftOpen {
            func fillAndTake() throws {
              var list = DescriptorList()
              for _ in 0..<6 { list.append(try openFile("/dev/null", O_RDONLY)) }
              for index in 0..<taken {
                if index.isMultiple(of: 2) { _ = list.remove(at: list.count - 1) } else { _ = list.popFirst() }
              }
              quiet.expect(list.count, is: 6 - taken)
            }
            try fillAndTake()
          }
        }
        // One list in another, one replaced, one thrown away.
        try quiet.expectNothingLeftOpen {
          var list = DescriptorList(try openFile("/dev/null", O_RDONLY))
          list.append(contentsOf: DescriptorList(try openFile("/dev/null", O_RDONLY)))
          list.append(contentsOf: DescriptorList())
          list = DescriptorList(try openFile("/dev/null", O_RDONLY))
          _ = consume list
        }
        // In the middle of filling it.
        try quiet.expectNothingLeftOpen(needing: 4) {
          var list = DescriptorList()
          for _ in 0..<4 { list.append(try openFile("/dev/null", O_RDONLY)) }
        }
      }
    }
  }

  @Test func positionsBeyondTheEndTrap() async {
    await #expect(processExitsWith: .failure) { _ = target(of: DescriptorList()[0]) }
    await #expect(processExitsWith: .failure) {
      var list = DescriptorList(try openFile("/dev/null", O_RDONLY))
      _ = list.remove(at: 1)
    }
    await #expect(processExitsWith: .failure) {
      var list = DescriptorList(try openFile("/dev/null", O_RDONLY))
      _ = list.remove(at: -1)
    }
  }
}
