// windowd in the background of the shell whose terminal a client lends to it.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5))) struct JobControlTests {
  /// In its background, what reads from a terminal or changes it is stopped by that terminal's shell.
  @Test func terminalThatItWasStartedOnCanBeLent() throws {
    let directory = try TemporaryDirectory()
    let screen = try Screen()
    let script = """
      set -m
      "$0" --socket "$2" &
      while ! "$1" --socket "$2" list-windows; do sleep 0.05; done >/dev/null 2>&1
      "$1" --socket "$2" create-window -e cat
      "$1" --socket "$2" attach 1
      jobs
      kill %1
      wait
      """
    let shell = try screen.run(["/bin/sh", "-c", script, Programs.windowd, Programs.windowctl, directory.file("s")])
    // Attached, it is the window that echoes, and cat that repeats.
    #expect(try screen.shows("typed\r\ntyped\r\n") { try screen.type("typed\r") })
    try screen.type("\u{1C}")
    #expect(screen.shows("detached"))
    #expect(screen.shows("Running"))
    #expect(try shell.exit() == .exited(0))
  }
  /// Its process group is the terminal's all the same.
  @Test func interruptThatIsTypedEndsIt() throws {
    let directory = try TemporaryDirectory()
    let screen = try Screen()
    let script = "trap : INT\n\"$0\" --socket \"$1\"\necho ended $?"
    let shell = try screen.run(["/bin/sh", "-c", script, Programs.windowd, directory.file("s")])
    #expect(screen.shows("windowd: ready"))
    try screen.type("\u{03}")
    #expect(screen.shows("ended 0"))
    #expect(try shell.exit() == .exited(0))
  }
}
