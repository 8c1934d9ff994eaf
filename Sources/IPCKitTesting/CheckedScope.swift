// The child's side: what is open before the function runs, and what is open after.

internal import CIPCShim
internal import Dispatch
internal import Glibc
internal import IPCKit
internal import Testing

/// The process that runs one test and looks at what it leaves.
enum CheckedScope {
  /// Says to the child that it is the child. An argument, because processes that the test starts would inherit a variable;
  /// Testing ignores arguments that it does not know.
  static let argument = "--ipckit-leak-free-child"
  /// The number under which the child is given the pipe for its events.
  static let eventsNumber: Int32 = 3

  static var isInChild: Bool { CommandLine.arguments.contains(argument) }

  /// Whether a suite's trait has begun the check already.
  @TaskLocal static var isEntered = false

  /// Runs the function and records what it leaves open as one issue.
  static func run(_ test: Test, _ settlingTime: Duration, _ function: () async throws -> Void) async throws {
    try prepare()
    await openWhatStaysOpen()
    DescriptorOrigin.isRecording = true
    let check = try DescriptorLeakCheck()
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await function()) } catch { outcome = .failure(error) }
    let leaks = try await check.left(settlingWithin: settlingTime)
    if !leaks.isEmpty { Issue.record("\(leaks)", sourceLocation: test.sourceLocation) }
    try outcome.get()
  }

  /// Orphans of the test's stay in sight, and the process ends with the one that waits for it. prctl(2), close(2).
  private static func prepare() throws {
    _ = try SystemError.check(ipc_adopt_orphans(), "prctl")
    let parent = getppid()
    _ = try SystemError.check(ipc_die_with_parent(SIGKILL), "prctl")
    // It may have ended just before.
    if getppid() != parent { _exit(1) }
    // Testing has opened the pipe a second time, by its path; this number would only be inherited by programs that the
    // test starts. It is what we were given, and nobody else's.
    let events = unsafe FileDescriptor(owning: eventsNumber)
    try events.close()
  }

  /// What the run time and Dispatch open when it is first needed and keep: an epoll instance with its eventfd, and a timerfd
  /// for each of the three clocks. Whichever test is the first to sleep would have left them open.
  private static func openWhatStaysOpen() async {
    await DescriptorLeakCheck.openRuntimeDescriptors()
    await DescriptorLeakCheck.openTimers(of: [CLOCK_REALTIME]) { time in
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let (seconds, attoseconds) = time.components
        let nanoseconds = Int(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
        DispatchQueue.global().asyncAfter(wallDeadline: .now() + .nanoseconds(nanoseconds)) { continuation.resume() }
      }
    }
  }
}
