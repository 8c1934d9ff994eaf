// Variables as bytes in order: each name once, and what is not UTF-8 left alone.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct EnvironmentTests {
  @Test func settingReplacesAndNilRemoves() {
    var environment = Environment()
    #expect(environment["A"] == nil)
    environment["A"] = "1"
    environment["AB"] = "2"
    environment["A"] = "3"
    #expect(environment["A"] == "3")
    #expect(environment["AB"] == "2")
    environment["A"] = nil
    #expect(environment["A"] == nil)
    #expect(environment["AB"] == "2")
  }

  @Test func nothingIsInheritedWhereAllWasCleared() async {
    await #expect(processExitsWith: .success) {
      clearenv()
      let path = Environment.inherited["PATH"]
      // The testing library looks there too.
      try setVariable("PATH", "/bin")
      #expect(path == nil)
    }
  }

  @Test func emptyValueIsAValue() {
    var environment = Environment()
    environment["A"] = ""
    #expect(environment["A"] == "")
  }

  @Test func valueMayHoldEqualsSigns() {
    var environment = Environment()
    environment["A"] = "b=c"
    #expect(environment["A"] == "b=c")
  }

  @Test func nameIsComparedWhole() {
    var environment = Environment()
    environment["PATHS"] = "x"
    #expect(environment["PATH"] == nil)
    environment["PATH"] = "y"
    #expect(environment["PATHS"] == "x")
  }

  @Test func removalIsByName() {
    var environment = Environment()
    for name in ["LISTEN_FDS", "LISTEN_PID", "KEEP"] { environment[name] = "LISTEN_" }
    environment.remove { $0.hasPrefix("LISTEN_") }
    #expect(environment["LISTEN_FDS"] == nil)
    #expect(environment["LISTEN_PID"] == nil)
    #expect(environment["KEEP"] == "LISTEN_")
  }

  @Test func inheritedIsThisProcesss() async {
    await #expect(processExitsWith: .success) {
      try setVariable("IPCKIT_TEST", "value")
      #expect(Environment.inherited["IPCKIT_TEST"] == "value")
      #expect(Environment.inherited["PATH"] != nil)
    }
  }

  @Test func bytesThatAreNotUTF8GetThrough() async {
    await #expect(processExitsWith: .success) {
      try setVariable("IPCKIT_TEST", [0x61, 0xff, 0x62])
      #expect(Environment.inherited["IPCKIT_TEST"] == "a\u{FFFD}b")
      let command = Command(
        arguments: ["sh", "-c", "printf %s \"$IPCKIT_TEST\" | od -An -tx1"], environment: .inherited)
      let said = try await output(of: command)
      #expect(said.text == " 61 ff 62\r\n")
    }
  }
}
