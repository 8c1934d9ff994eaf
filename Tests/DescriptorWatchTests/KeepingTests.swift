// What --save and --output write to, and what is left as it was; what --diff reads.

internal import DescriptorWatch
internal import FoundationEssentials
internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing

/// Type and mode of what a path itself is.
private func mode(of path: String) -> mode_t {
  var status = stat()
  // The path is a C string and the structure valid for the length of the call.
  return unsafe lstat(path, &status) == 0 ? status.st_mode : 0
}

@Suite(.leakFree) struct KeepingTests {
  @Test func aFileKeepsItsModeAndALinkIsFollowed() throws {
    let python = try Python("")
    let directory = try TemporaryDirectory()
    let path = try directory.write("old", to: "real", mode: 0o644)
    let link = directory.file("link")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "real")
    #expect(try Program.run("\(python.id)", "--save", link).status == 0)
    #expect(mode(of: link) & S_IFMT == S_IFLNK)
    #expect(mode(of: path) == S_IFREG | 0o644)
    #expect(try SnapshotFile.read(from: path).process.pid == python.id)
    #expect(Set(directory.names) == ["real", "link"])
  }

  @Test func aLinkThatLeadsNowhereHasItsFileMade() throws {
    let python = try Python("")
    let directory = try TemporaryDirectory()
    let link = directory.file("link")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: directory.file("real"))
    #expect(try Program.run("\(python.id)", "--save", link).status == 0)
    #expect(mode(of: link) & S_IFMT == S_IFLNK)
    #expect(mode(of: directory.file("real")) == S_IFREG | 0o600)
  }

  @Test func aFIFOIsWrittenToAndStays() throws {
    let python = try Python("")
    let directory = try TemporaryDirectory()
    let path = directory.file("fifo")
    // The path is a C string for the length of the call.
    try #require(unsafe mkfifo(path, 0o600) == 0)
    let script = "exec 9<>'\(path)'; \"$@\" >&2 && head -n 1 <&9"
    let outcome = try Job(["sh", "-c", script, "sh", Program.path, "\(python.id)", "--save", path]).outcome()
    #expect(outcome.status == 0)
    #expect(try JSONDecoder().decode(Snapshot.self, from: Data(outcome.output.utf8)).process.pid == python.id)
    #expect(mode(of: path) & S_IFMT == S_IFIFO)
    // Without anybody who reads it, it is an error and no wait.
    let alone = try Program.run("\(python.id)", "--save", path)
    #expect(alone.status == 1)
    #expect(alone.errors.contains(path))
    #expect(alone.output.contains("suspects"))
    #expect(directory.names == ["fifo"])
  }

  @Test func aFIFOThatIsNotReadIsNotWaitedForForEver() throws {
    let python = try Python("")
    let directory = try TemporaryDirectory()
    let path = directory.file("fifo")
    // The path is a C string for the length of each call.
    try #require(unsafe mkfifo(path, 0o600) == 0)
    let number = unsafe open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
    try #require(number >= 0)
    // Opened above, for us alone.
    let reader = unsafe FileDescriptor(owning: number)
    // It is full, and nobody takes anything.
    while (try? reader.writeAll(Array(repeating: 0, count: 4096), deadline: .after(.zero))) != nil {}
    let outcome = try Program.run("\(python.id)", "--interval", "1ms", "--count", "1", "--save", path)
    #expect(outcome.status == 1)
    #expect(outcome.errors == "fdwatch: \(path): nobody reads it\n")
    #expect(outcome.output.contains("suspects"))
    try reader.close()
  }

  @Test func standardOutputIsNotReplacedByAFile() throws {
    let python = try Python("")
    let outcome = try Program.run("\(python.id)", "--save", "/proc/self/fd/1")
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("suspects") && outcome.lines.last?.hasPrefix("{\"descriptors\":") == true)
  }

  @Test(arguments: ["--save", "--output"]) func nothingIsRunWhoseReportCouldNotBeKept(option: String) throws {
    let directory = try TemporaryDirectory()
    for path in [directory.file("none/file"), directory.path] {
      let outcome = try Program.run(option, path, "--run", "touch", directory.file("marker"))
      #expect(outcome.status == 1)
      #expect(outcome.errors.hasPrefix("fdwatch: ") && outcome.errors.contains(path))
      #expect(directory.names == [])
    }
  }

  @Test func whatCannotBeSavedAtTheEndIsTold() throws {
    let directory = try TemporaryDirectory()
    let folder = directory.file("folder")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    let report = directory.file("report")
    let outcome = try Program.run(
      "--save", folder + "/file", "--output", report, "--run", "sh", "-c", "sleep 3; rm -r '\(folder)'")
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("\(folder)/file: No such file or directory"))
    // What was seen is told before.
    #expect(contents(of: report).contains("suspects"))
    #expect(contents(of: report).hasSuffix("the command exited with status 0\n"))
  }

  @Test func aReportIsComparedWithToo() throws {
    let python = try Python("")
    let directory = try TemporaryDirectory()
    let single = try Program.run("\(python.id)", "--json").output
    let watched = try Program.run("\(python.id)", "--json", "--interval", "10ms", "--count", "2").output
    for text in [single, watched] {
      let path = try directory.write(text, to: "report.json")
      let outcome = try Program.run("\(python.id)", "--diff", path)
      #expect(outcome.status == 0)
      #expect(outcome.output.contains("nothing came or went"))
    }
  }

  @Test func whatIsNoFileIsNotReadAndNotWaitedFor() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("fifo")
    // The path is a C string for the length of the call.
    try #require(unsafe mkfifo(path, 0o600) == 0)
    for path in [path, "/dev/zero", directory.path] {
      #expect(throws: WatchFailure("\(path) is no regular file")) { try SnapshotFile.read(from: path) }
    }
    let large = try directory.write("{", to: "large")
    // As above.
    try #require(unsafe truncate(large, 1 << 40) == 0)
    #expect(throws: WatchFailure("\(large) is larger than 64 MiB, as no snapshot is")) {
      try SnapshotFile.read(from: large)
    }
  }
}
