// The trait, by what a run of the fixtures prints and how it ends.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite struct LeakFreeTests {
  @Test(arguments: [
    ("aPipe()", "pipe, reading"), ("aSocket()", "unix stream socket"), ("anEpollInstance()", "epoll"),
    ("aTerminal()", "terminal master"), ("aStandardStream()", "0 pipe, writing"), ("beforeAnError()", "pipe, reading"),
    ("inAChild()", "7 pipe, writing"), ("inAnOrphan()", "7 pipe, writing"), ("inOneCase(number:)", "pipe, reading"),
  ])
  func leftOpen(test: String, kind: String) async throws {
    let name = test.prefix { $0 != "(" }
    let run = try await FixtureRun("Leaks/\(name)\\(")
    #expect(run.hasFailed, "\(run.output)")
    let issues = run.issues(of: test).filter { $0.contains("left open") }
    #expect(issues.count == 1, "\(run.output)")
    #expect(issues.allSatisfy { $0.contains(kind) && $0.contains("at Fixtures.swift:") }, "\(run.output)")
  }

  @Test func holdersOfWhatIsInheritedAreNamed() async throws {
    for test in ["inAChild", "inAnOrphan"] {
      let run = try await FixtureRun("Leaks/\(test)\\(")
      #expect(run.output.contains("in process") && run.output.contains("(sleep), which still runs"), "\(run.output)")
    }
  }

  @Test func errorAndLeakAreBothTold() async throws {
    let run = try await FixtureRun("Leaks/beforeAnError\\(")
    #expect(
      run.issues(of: "beforeAnError()").contains { $0.contains("Caught error: fail: No such file") }, "\(run.output)")
  }

  @Test func aFailedCaseIsTold() async throws {
    let run = try await FixtureRun("Leaks/inOneCase\\(")
    let issues = run.issues(of: "inOneCase(number:)")
    #expect(issues.count == 2 && issues.contains { $0.contains("in the case 3") }, "\(run.output)")
  }

  @Test func neighboursAreNotBlamed() async throws {
    let run = try await FixtureRun("SideBySide/") { $0["SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH"] = "4" }
    let (one, other) = (run.issues(of: "one(round:)"), run.issues(of: "other(round:)"))
    #expect(one.count == 1 && one.allSatisfy { $0.contains("1 descriptor left open") && $0.contains("eventfd") })
    #expect(other.count == 1 && other.allSatisfy { $0.contains("1 descriptor left open") && $0.contains("pipe") })
    #expect(run.hasPassed("clean()"), "\(run.output)")
  }

  @Test func cleanTestsPass() async throws {
    let run = try await FixtureRun("Clean/")
    #expect(run.hasSucceeded, "\(run.output)")
    for test in [
      "thousands", "sleepingTasks", "timers", "children", "aChildThatKeepsNothing", "programsInheritNothingOfTheTests",
      "exitTest",
      "closedLaterByAnotherThread", "aServer",
    ] { #expect(run.hasPassed("\(test)()"), "\(run.output)") }
  }
}
