// An attached windowctl whose daemon has gone: whoever comes to the socket next may turn it away, or nobody may come.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@Suite(.leakFree) struct ControlReturnTests {
  /// Answers one `attach` as a windowd does, and keeps the terminal until the visitor hears its end.
  private static func lend(_ listener: borrowing UnixListener) throws {
    let stream = try listener.accept(deadline: patientDeadline)
    var reader = BufferedReader(try stream.duplicate(), descriptorLimit: 1)
    _ = try reader.nextLine(as: String.self, deadline: patientDeadline)
    _ = reader.takeDescriptors()
    try stream.writeAll("{\"attached\":1}\n", deadline: patientDeadline)
  }

  @Test func whoIsTurnedAwayAgainAndAgainGivesUp() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("s")
    let listener = try UnixListener(binding: .path(path))
    let screen = try Screen()
    let client = try screen.run([Programs.windowctl, "attach", "--socket", path, "1"])
    try Self.lend(listener)
    // Those after it end each conversation at once.
    var visits = 0
    while client.facts.isAlive, visits < 100 {
      if (try? listener.accept(deadline: .after(.milliseconds(100)))) != nil { visits += 1 }
    }
    #expect(visits < 10)
    #expect(try client.exit() == .exited(1))
    #expect(screen.shows("[window 1: "))
    try listener.close()
  }

  @Test func whoWaitsForADaemonEndsByTheFirstSignal() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("s")
    let listener = try UnixListener(binding: .path(path))
    let screen = try Screen()
    let client = try screen.run([Programs.windowctl, "attach", "--socket", path, "1"])
    try Self.lend(listener)
    // By then it knows that it had the window.
    _ = try listener.accept(deadline: patientDeadline)
    try listener.close()
    client.signal(SIGTERM)
    #expect(try client.exit() == .exited(128 + SIGTERM))
    #expect(screen.shows("[window 1: the daemon does not answer]"))
  }
}
