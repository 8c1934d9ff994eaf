// The system's own activator, where it is installed: this very test program, started by systemd-socket-activate with a
// socket, runs the one test that is meant for it.

import Glibc
import IPCKit
import Testing

@Suite(.timeLimit(.minutes(5)), .serialized) struct ActivatorTests {
  private static let variable = "IPCKIT_ACTIVATED_TEST"
  private static let activator = "/usr/bin/systemd-socket-activate"

  @Test(.enabled(if: mode(of: activator) != nil, "systemd-socket-activate is not installed"))
  func activatedProgramServesTheFirstClient() async throws {
    let directory = try TemporaryDirectory()
    let path = directory("s")
    let program = try #require(linkTarget("/proc/self/exe"))
    let output = try Pipe()
    // What starts the tests of this library again, this time with a socket: that one test alone is enabled then.
    let command = Command(
      arguments: [
        Self.activator, "--listen=\(path)", "--fdname=control", "-E", "\(Self.variable)=1", program,
        "--testing-library", "swift-testing", "--filter", "ActivatorTests/servedByTheActivated",
      ], environment: .inherited)
    let daemon = try DetachedProcess(command, output: output.writing, deadline: .after(.seconds(60)))
    try output.writing.close()
    var client = try Self.connect(path)
    try client.send("hello\n")
    let answer = try client.line()
    #expect(answer == #"hello ["control"] []"#)
    var log = BufferedReader(output.reading)
    while let line = try log.nextLine(as: String.self, deadline: .after(.seconds(60))) {
      if line.contains("✘") { Issue.record("\(line)") }
    }
    #expect(try daemon.exit(deadline: .after(.seconds(60))) == .exited(0))
  }

  @Test(.enabled(if: Environment.inherited[variable] != nil, "for the activated program")) func servedByTheActivated()
    throws
  {
    var activation = try SocketActivation.take()
    let names = activation.names
    let listener = try activation.takeListener(named: "control")
    let rest = activation.names
    let connection = try #require(try listener?.accept(deadline: .after(.seconds(60))).release())
    // Released above.
    var reader = BufferedReader(unsafe FileDescriptor(owning: connection))
    let line = try reader.nextLine(as: String.self, deadline: .after(.seconds(60)))
    try reader.descriptor.writeAll("\(line ?? "") \(names) \(rest)\n")
  }

  /// The activator makes its socket some time after it was started.
  private static func connect(_ path: String) throws -> Client {
    let deadline = Deadline.after(.seconds(60))
    while true {
      do {
        return try Client(path)
      } catch {
        guard !deadline.hasPassed else { throw error }
        usleep(1000)
      }
    }
  }
}
