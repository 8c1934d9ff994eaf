// Snapshots in files and against each other.

internal import DescriptorWatch
internal import FoundationEssentials
internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing

@Suite(.leakFree) struct SnapshotTests {
  @Test func itTellsWhatTheProcessHolds() throws {
    let python = try Python("keep += os.pipe(); poll = select.epoll(); poll.register(keep[0])")
    let snapshot = try python.snapshot()
    #expect(snapshot.process.pid == python.id)
    #expect(snapshot.process.userID == getuid())
    #expect(snapshot.process.commandLine.last?.contains("poll.register") == true)
    #expect(snapshot.kinds["pipe"] == 4)
    let poll = try #require(snapshot.descriptors.first { $0.kind == "epoll" })
    #expect(poll.watches?.map(\.number) == [try #require(snapshot.pairs.first).first.number])
    #expect(try DescriptorLimit.current().soft == snapshot.process.softLimit)
  }

  @Test func itIsTheSameAfterAFile() throws {
    let python = try Python(
      "keep += socket.socketpair(); keep += os.openpty(); poll = select.epoll(); poll.register(keep[0])")
    let directory = try TemporaryDirectory()
    let snapshot = try python.snapshot()
    let path = directory.file("snapshot.json")
    try SnapshotFile.write(snapshot, to: path)
    #expect(try SnapshotFile.read(from: path) == snapshot)
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    // A second one replaces it, and nothing else is left.
    try SnapshotFile.write(try python.snapshot(), to: path)
    #expect(directory.names == ["snapshot.json"])
  }

  @Test func whatIsNoSnapshotIsRefused() throws {
    let directory = try TemporaryDirectory()
    let absent = #expect(throws: WatchFailure.self) { try SnapshotFile.read(from: directory.file("none")) }
    #expect(absent?.message.contains("No such file") == true)
    let path = try directory.write("{\"schema\":1}", to: "other")
    #expect(throws: WatchFailure("\(path) is no snapshot of fdwatch's")) { try SnapshotFile.read(from: path) }
    var snapshot = try Snapshot(processID: getpid(), findingOtherEnds: false)
    snapshot.schema = 99
    try SnapshotFile.write(snapshot, to: path)
    let later = #expect(throws: WatchFailure.self) { try SnapshotFile.read(from: path) }
    #expect(later?.message.contains("form 99") == true)
    #expect(throws: WatchFailure.self) { try SnapshotFile.write(snapshot, to: directory.file("none/file")) }
  }

  @Test func whatCameWentAndWasReplacedIsTold() throws {
    let python = try Python(
      """
      a, b = os.pipe(), os.open('/etc/passwd', os.O_RDONLY)
      """,
      step: """
        os.close(a[1])
        os.dup2(os.open('/dev/zero', os.O_RDONLY), b)
        keep.append(socket.socketpair())
        """)
    let before = try python.snapshot()
    try python.step()
    let difference = Difference(from: before, to: try python.snapshot())
    #expect(difference.isSameProcess)
    #expect(difference.replaced.contains { $0.before.target == "/etc/passwd" && $0.after.target == "/dev/zero" })
    #expect(difference.growth["unix stream socket"] == 2)
    #expect(difference.growth["pipe"] == -1)
    #expect(difference.growth["file"] == -1)
    #expect(difference.to - difference.from == 2)
    let text = difference.lines(Style(isColored: false), showsAll: true).joined(separator: "\n")
    #expect(text.contains("+2 unix stream sockets"))
    #expect(text.contains("/etc/passwd"))
    #expect(!text.contains("another process"))
  }

  @Test func theSameNumberOfAnotherProcessIsTold() throws {
    let python = try Python("")
    let now = try python.snapshot()
    var before = now
    before.process.startTime -= 1
    let difference = Difference(from: before, to: now)
    #expect(!difference.isSameProcess)
    #expect(difference.lines(Style(isColored: false), showsAll: false).contains { $0.contains("another process") })
  }
}
