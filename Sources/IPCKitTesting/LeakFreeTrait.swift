// The trait that makes a test fail with the descriptors that it has left open, and with no other test's.

internal import Glibc
internal import IPCKit
public import Testing

/// Makes a test fail that leaves descriptors open. Written as ``Testing/Trait/leakFree``.
///
/// ```swift
/// @Suite(.leakFree) struct ServerTests {
///   @Test func pairCloses() throws {
///     let pair = try SocketPair()
///     try pair.left.close()
///   }
/// }
/// ```
///
/// Descriptors belong to the whole process, and tests run side by side. So the function does not run in the test process,
/// but in a child that runs it alone, with all its cases: the same program, started with a filter. Its issues come back and
/// are recorded here, each where it happened, known ones as known; what it prints is printed here. A child that crashes, is
/// killed, or does not run the test to its end is a failure. Conditions are evaluated in both processes. Issues that are
/// mere warnings do not come back, and a test that cancels itself counts as one that has passed.
///
/// The test's time limit holds in the child; one that does not end 20 seconds after that is killed, and so is one whose test
/// is cancelled here.
///
/// Left open is what is open in the child, or in a process that descends from it, after the function has ended and the time
/// to settle is over, and was not before; see ``IPCKit/DescriptorLeakCheck``. What a global variable keeps on purpose, such
/// as a shared logger, counts too: leave the trait out there.
///
/// A test costs the start of a child more: 0.07 s of processor time and 0.15 s in all, in debug, for a program of some 700
/// tests on a slow machine. A test that leaves something open takes the time to settle too. No more children run at once
/// than twice the number of processors.
///
/// With IPCKIT_LEAKFREE=off in the environment, all functions run in the test process and nothing is checked: for
/// debuggers, whose breakpoints are not the child's, and for sanitizers under which programs start slowly.
///
/// Suites pass it on to their tests and suites. Where several apply, the innermost decides how long to settle.
public struct LeakFreeTrait: TestTrait, SuiteTrait, TestScoping {
  /// How long descriptors may take to be closed after the function has returned.
  let settlingTime: Duration

  /// Suites pass it on.
  public var isRecursive: Bool { true }

  /// Around a function with all its cases: a child for each would cost more and find no more.
  public func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? {
    guard testCase == nil, !test.isSuite else { return nil }
    let innermost = test.traits.lazy.compactMap { $0 as? Self }.last
    return innermost?.settlingTime == settlingTime ? self : nil
  }

  /// Runs the test in a child or, in the child, between two looks at what is open.
  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    if Self.isOff || CheckedScope.isEntered {
      try await function()
    } else if CheckedScope.isInChild {
      try await CheckedScope.$isEntered.withValue(true) {
        try await CheckedScope.run(test, settlingTime, function)
      }
    } else {
      await ChildTest(test, settlingTime).run()
    }
  }

  private static var isOff: Bool { Environment.inherited["IPCKIT_LEAKFREE"] == "off" }
}

extension Trait where Self == LeakFreeTrait {
  /// The test, or each test of the suite, fails when it leaves descriptors open.
  public static var leakFree: Self { leakFree(settlingWithin: .seconds(1)) }

  /// The same with another time in which descriptors may be closed after the function has returned; a test that leaves
  /// nothing open does not wait.
  public static func leakFree(settlingWithin time: Duration) -> Self { LeakFreeTrait(settlingTime: time) }
}
