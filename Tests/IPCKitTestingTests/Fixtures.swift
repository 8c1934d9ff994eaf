// Tests that leak, fail and crash on purpose, for other tests to look at. Left out of every ordinary run.

import Glibc
import IPCKit
import IPCKitTesting
import Synchronization
import Testing

@Suite(.fixture, .leakFree(settlingWithin: .milliseconds(300))) struct FixtureLeaks {
  @Test func aPipe() throws {
    let pipe = try Pipe()
    _ = pipe.reading.release()
  }

  @Test func aSocket() throws {
    let pair = try SocketPair()
    _ = pair.left.release()
  }

  @Test func anEpollInstance() throws { keep(try EventLoop()) }

  @Test func aTerminal() { _ = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC) }

  @Test func aStandardStream() throws {
    let pipe = try Pipe()
    // The number is open for the length of the call.
    _ = unsafe pipe.writing.withUnsafeNumber { dup2($0, 0) }
  }

  @Test func inAChild() throws {
    let pipe = try Pipe()
    var descriptors = ChildDescriptors()
    descriptors.set(7, to: pipe.writing)
    _ = try DetachedProcess(Command(arguments: ["sleep", "30"], environment: .inherited), with: descriptors)
  }

  @Test func inAnOrphan() throws {
    let pipe = try Pipe()
    var descriptors = ChildDescriptors()
    descriptors.set(7, to: pipe.writing)
    // Until then it is called as the shell.
    let script = "sleep 30 & until grep -q sleep /proc/$!/comm; do :; done"
    let command = Command(arguments: ["sh", "-c", script], environment: .inherited)
    _ = try DetachedProcess(command, with: descriptors).exit()
  }

  @Test func beforeAnError() throws {
    try leakPipe()
    throw SystemError(errno: ENOENT, operation: "fail")
  }

  @Test(arguments: [1, 2, 3]) func inOneCase(number: Int) throws {
    if number == 2 { try leakPipe() }
    #expect(number != 3)
  }
}

@Suite(.fixture, .leakFree(settlingWithin: .milliseconds(300))) struct FixtureSideBySide {
  @Test(arguments: [0]) func one(round: Int) async throws { try await leak(eventfd: true) }
  @Test(arguments: [0]) func other(round: Int) async throws { try await leak(eventfd: false) }

  @Test func clean() async throws {
    for _ in 0..<200 {
      let pipe = try Pipe()
      try await Task.sleep(for: .milliseconds(1))
      try pipe.reading.close()
    }
  }

  private func leak(eventfd: Bool) async throws {
    if eventfd { try leakEventCounter() } else { try leakPipe() }
    try await Task.sleep(for: .milliseconds(200))
  }
}

@Suite(.fixture, .leakFree) struct FixtureNested {
  @Suite struct Inner {
    @Suite(.leakFree(settlingWithin: .milliseconds(200))) struct Innermost {
      @Test(.leakFree(settlingWithin: .milliseconds(100))) func leaks() throws { try leakPipe() }
      @Test(.leakFree) func passes() throws { _ = try Pipe() }
    }
    @Test(.leakFree) func leaksUnderTheSameTrait() throws { try leakPipe() }
    @Test(.disabled("on purpose")) func disabled() throws { try leakPipe() }
  }
}

@Suite(.fixture) struct FixtureEnds {
  static let expectationLine = #line + 1
  @Test(.leakFree) func failedExpectation() { #expect(1 + 1 == 3, "on purpose") }
  @Test(.leakFree) func knownIssue() { withKnownIssue { Issue.record("known on purpose") } }
  @Test(.leakFree) func crash() { fatalError("crashed on purpose") }
  @Test(.leakFree) func killed() { kill(getpid(), SIGKILL) }
  @Test(.leakFree) func earlyExit() { exit(0) }
  @Test(.leakFree, .enabled(if: !CommandLine.arguments.contains("--event-stream-output-path")))
  func skippedInTheChild() {}
  @Test(.leakFree) func prints() {
    print("to standard output, process \(getpid())")
    // The text is a C string for the length of the call.
    _ = unsafe write(2, "to standard error\n", 18)
  }

  /// How Testing calls the test below: by the place of its attribute.
  static let hanging = "IPCKitTestingTests.FixtureEnds/hangs()/Fixtures.swift:\(#line + 2):4"
  /// Tells that it has begun, and then neither ends nor listens.
  @Test(.leakFree) func hangs() {
    if let directory = Fixtures.directory { close(unsafe open("\(directory)/started", O_CREAT | O_WRONLY, 0o600)) }
    while true { pause() }
  }

  @Test(.leakFree, .timeLimit(.minutes(1))) func timeLimit() async throws { try await Task.sleep(for: .seconds(3600)) }
  @Test(.leakFree, .timeLimit(.minutes(1))) func timeLimitBlocked() { while true { pause() } }
}

/// What Swift 6.3 cannot do with a value that was never given a name.
private func leakPipe() throws {
  let pipe = try Pipe()
  _ = pipe.reading.release()
}

private func leakEventCounter() throws {
  let counter = try EventCounter()
  _ = counter.descriptor.release()
}

private let kept = Mutex<[EventLoop]>([])

private func keep(_ loop: EventLoop) { kept.withLock { $0.append(loop) } }
