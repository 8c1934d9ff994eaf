// When a process began: read past names that were made to mislead.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct ProcessStatusTests {
  private static let rest = " S 1 2 3 0 -1 4194560 118 0 0 0 0 0 0 0 20 0 1 0 "

  @Test(arguments: ["cat", "", ") (", "a) S 1 2 3", "))))", "\n", ") S 1 2 3 0 -1 4 1 0 0 0 0 0 0 0 20 0 1 0 9"])
  func nameMisleadsNobody(name: String) {
    let line = "42 (\(name))\(Self.rest)123456 8192 1 18446744073709551615\n"
    #expect(ProcessStatus.startTime(in: Array(line.utf8)) == 123_456)
  }

  @Test func nameNeedNotBeText() {
    let line = Array("42 (".utf8) + [0xff, 0xfe] + Array(")\(Self.rest)7 8\n".utf8)
    #expect(ProcessStatus.startTime(in: line) == 7)
  }

  @Test(arguments: ["", "42", "42 (cat)", "42 (cat) S 1 2", "42 (cat\(rest)1 2", "42 (cat)\(rest)x 2"])
  func whatIsCutOffHasNone(line: String) {
    #expect(ProcessStatus.startTime(in: Array(line.utf8)) == nil)
  }

  @Test func nobodyHasNone() throws {
    #expect(try ProcessStatus.startTime(ofProcess: 0) == nil)
    #expect(try ProcessStatus.startTime(ofProcess: -1) == nil)
    #expect(try ProcessStatus.startTime(ofProcess: .max) == nil)
  }

  @Test func ownOneStaysWhateverTheName() async {
    await #expect(processExitsWith: .success) {
      let own = try #require(try ProcessStatus.startTime(ofProcess: getpid()))
      let told = try toldByForkedChild {
        let first = try ProcessStatus.startTime(ofProcess: getpid()) ?? 0
        try openFile("/proc/self/comm", O_WRONLY).writeAll(") R 1 (\n2")
        let second = try ProcessStatus.startTime(ofProcess: getpid()) ?? 0
        return "\(first == second) \(first >= own)"
      }
      #expect(told == "true true")
    }
  }
}
