// Ten thousand clients at once. They have a process of their own, forked before the server begins: one process may not
// have the descriptors of both sides everywhere.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree, .timeLimit(.minutes(5)), .unlessForkedLoopsAreDeaf) struct CrowdTests {
  private static let size = 10_000
  private static let hasRoom = ((try? DescriptorLimit.current())?.hard ?? 0) > UInt64(size + 200)
  private static let missing: Comment = "THE DESCRIPTOR LIMIT IS TOO LOW: ten thousand connections are not tried"

  @Test(.enabled(if: hasRoom, missing)) func replyHandlersAnswerTenThousand() async {
    await #expect(processExitsWith: .success) { try await Self.answerAll(by: .reply, on: 1) }
  }

  @Test(.enabled(if: hasRoom, missing)) func tasksAnswerTenThousand() async {
    await #expect(processExitsWith: .success) { try await Self.answerAll(by: .task, on: 1) }
  }

  @Test(.enabled(if: hasRoom, missing)) func tasksOnSeveralLoopsAnswerTenThousand() async {
    await #expect(processExitsWith: .success) { try await Self.answerAll(by: .task, on: 3) }
  }

  private static func answerAll(by kind: HandlerKind, on loops: Int) async throws {
    var limit = try DescriptorLimit.current()
    limit.soft = limit.hard
    try limit.apply()
    let directory = try TemporaryDirectory()
    let (path, gate) = (directory("s"), try Gate())
    let clients = ForkedChild {
      gate.enter()
      return failure { try beCrowd(path) } == nil ? 0 : 1
    }
    let setup = Setup(loops: loops) { ($0.connections, $0.connectionsPerUser) = (size, .max) }
    try await withService(at: path, setup, by: .commands(kind)) { service in
      gate.open(for: 1)
      #expect(clients.wait() == 0)
      // One was too many, so all the others were there.
      #expect(service.counters.refused(for: .tooManyConnections) == 1)
      #expect(service.counters.accepted == size + 1 && service.counters.frames == 2 * size)
      try eventually { service.counters.open == 0 }
      #expect(service.counters.failed == 0)
    }
  }

  /// All connect, one more is turned away; all ask, and only then all read; one after another they ask once more and end.
  private static func beCrowd(_ path: String) throws {
    let crowd = try (0..<size).map { _ in try Member(path) }
    guard try Member(path).read() == "" else { throw HandlerFailed() }
    for (number, member) in crowd.enumerated() { try member.say("\(number)\n") }
    for (number, member) in crowd.enumerated() where try member.read() != "\(number)\n" { throw HandlerFailed() }
    for member in crowd.reversed() {
      try member.say("quit\n")
      guard try member.read() == "bye\n", try member.read() == "" else { throw HandlerFailed() }
    }
  }
}

/// A client without a buffer.
private final class Member {
  private let descriptor: FileDescriptor

  init(_ path: String) throws {
    let stream = try UnixStream(connectingTo: .path(path), deadline: .after(.seconds(120)))
    descriptor = stream.descriptor
    try descriptor.setNonBlocking(false)
  }

  func say(_ line: String) throws { try descriptor.writeAll(line) }

  /// What one read(2) gives: a line is never cut here.
  func read() throws -> String { String(decoding: try readOnce(descriptor, 16), as: UTF8.self) }
}
