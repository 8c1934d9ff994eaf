// What is found in the environment is what libsystemd's own function finds there when a C program calls it.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct ListenInterchangeTests {
  @Test func namesAndNumbersAreThoseOfLibsystemd() async {
    await #expect(processExitsWith: .success) {
      let theirs = try SystemdProgram()
      for names in [nil, "", "a:b", "a", "a:b:c", ":", ":b", "a:", "a b:c", #"a\:b:c"#, "größer:x", "::"] {
        try expectSame(theirs, names: names)
      }
    }
  }

  @Test func countsThatCannotBeAreThoseOfLibsystemd() async {
    await #expect(processExitsWith: .success) {
      let theirs = try SystemdProgram()
      for count in ["", "0", "1", "3", "-1", "x", "2x", " 2", "+2", "100000", "2147483647", "99999999999"] {
        try expectSame(theirs, names: nil, count: count)
        try expectSame(theirs, names: "a:b", count: count)
      }
    }
  }

  @Test func anothersAndNobodysAreThoseOfLibsystemd() async {
    await #expect(processExitsWith: .success) {
      let theirs = try SystemdProgram()
      for process in ["1", "4194303"] { try expectSame(theirs, names: "a:b", process: process) }
    }
  }
}

/// Hands two descriptors to both, and compares what they find: how many and their names, or the error.
private func expectSame(
  _ theirs: borrowing SystemdProgram, names: String?, count: String = "2", process: String = "own"
) throws {
  let freight = try Freight(2)
  var variables = ["LISTEN_FDS": count]
  variables["LISTEN_FDNAMES"] = names
  let expected = try theirs("listen", process, environment: variables, lending: freight.descriptors)
  let pid = process == "own" ? nil : process
  let found = try activated([.pipe, .pipe], names: names, pid: pid, count: count) {
    do throws(SystemError) {
      let found = try SocketActivation.take().names
      return (["\(found.count)"] + found).joined(separator: " ")
    } catch {
      return "-\(error.errno)"
    }
  }
  // The library forgets another's variables too.
  let theirsWithout = expected.hasSuffix(" left") ? String(expected.dropLast(5)) : expected
  #expect(found == theirsWithout, "count \(count), names \(names ?? "nil"), process \(process)")
}
