// How a test's own process may end, and what is told of it.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite struct ChildEndTests {
  @Test func aFailedExpectationIsToldWhereItIs() async throws {
    let run = try await FixtureRun("Ends/failedExpectation")
    let issues = run.issues(of: "failedExpectation()")
    #expect(run.hasFailed && issues.count == 1, "\(run.output)")
    #expect(issues.allSatisfy { $0.contains("Expectation failed: (1 + 1 → 2) == 3") && $0.contains("on purpose") })
    #expect(issues.allSatisfy { $0.contains("at Fixtures.swift:\(FixtureEnds.expectationLine):") }, "\(run.output)")
  }

  @Test func aKnownIssueStaysKnown() async throws {
    let run = try await FixtureRun("Ends/knownIssue")
    #expect(run.hasSucceeded && run.output.contains("1 known issue"), "\(run.output)")
  }

  @Test(arguments: [
    ("crash", "killed by SIG", "crashed on purpose"), ("killed", "killed by SIGKILL, signal 9", ""),
    ("earlyExit", "exited with status 0 and did not run the test to its end", ""),
    ("skippedInTheChild", "was skipped in its own process", ""),
  ])
  func anEarlyEndIsAFailure(test: String, reason: String, words: String) async throws {
    let run = try await FixtureRun("Ends/\(test)\\(") { $0["SWIFT_BACKTRACE"] = "enable=no" }
    let issues = run.issues(of: "\(test)()")
    #expect(run.hasFailed && issues.count == 1, "\(run.output)")
    #expect(issues.allSatisfy { $0.contains(reason) && (words.isEmpty || $0.contains(words)) }, "\(run.output)")
  }

  @Test func whatATestPrintsIsPrinted() async throws {
    let run = try await FixtureRun("Ends/prints")
    #expect(run.hasSucceeded && run.hasPassed("prints()"), "\(run.output)")
    #expect(run.output.contains("to standard output") && run.output.contains("to standard error"), "\(run.output)")
    #expect(run.output.split(separator: "\n").count { $0.contains("Test run started") } == 1, "\(run.output)")
  }

  @Test func nestedSuitesReportOnce() async throws {
    let run = try await FixtureRun("Nested")
    #expect(run.issues(of: "leaksUnderTheSameTrait()").count == 1, "\(run.output)")
    #expect(run.issues(of: "leaks()").count == 1 && run.hasPassed("passes()"), "\(run.output)")
    #expect(run.output.contains("Test disabled() skipped"), "\(run.output)")
  }

  @Test func switchedOffNothingIsCheckedAndNoChildStarted() async throws {
    let run = try await FixtureRun("(Leaks/aPipe|Ends/prints)") { $0["IPCKIT_LEAKFREE"] = "off" }
    #expect(run.hasSucceeded && run.hasPassed("aPipe()"), "\(run.output)")
    #expect(run.output.contains("process \(run.processID)"), "\(run.output)")
  }

  @Test func aChildEndsWithItsTaskAndWithItsTime() async throws {
    let run = try await FixtureRun("Driving")
    #expect(run.hasSucceeded, "\(run.output)")
    for test in ["cancelledTask()", "silentChild()"] { #expect(run.hasPassed(test), "\(run.output)") }
  }
}

/// Drives a child by hand, in a program where the fixtures are switched on.
@Suite(.fixture, .serialized) struct FixtureDriving {
  @Test func cancelledTask() async throws {
    let check = try DescriptorLeakCheck()
    let child = ChildTest(FixtureEnds.hanging, at: #_sourceLocation, patience: nil)
    let task = Task { await child.report() }
    let directory = try #require(Fixtures.directory)
    while unsafe access("\(directory)/started", F_OK) != 0 { try await Task.sleep(for: .milliseconds(5)) }
    task.cancel()
    let report = await task.value
    #expect(report.failures.count == 1 && report.failures.allSatisfy { $0.contains("the test was cancelled") })
    let leaks = try await check.left()
    #expect(leaks.own.filter { $0.kind.name != "timerfd" }.isEmpty && leaks.inherited.isEmpty, "\(leaks)")
    // The only child has been reaped.
    let reaped = waitpid(-1, nil, WNOHANG)
    #expect(reaped == -1 && errno == ECHILD)
  }

  @Test func silentChild() async throws {
    let report = await ChildTest(FixtureEnds.hanging, at: #_sourceLocation, patience: .seconds(1)).report()
    #expect(report.failures.count == 1 && report.failures.allSatisfy { $0.contains("silent for longer") })
  }
}
