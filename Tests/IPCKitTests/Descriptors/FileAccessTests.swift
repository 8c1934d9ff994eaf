// Who may connect to a socket's file: exactly as asked for in the end, and nobody else on the way there.

import Glibc
import IPCKitTesting
import Testing

@testable import IPCKit

@Suite(.leakFree, .timeLimit(.minutes(5))) struct FileAccessTests {
  private static let soon = Duration.seconds(60)

  @Test(arguments: [0o000, 0o022, 0o027, 0o077, 0o777] as [mode_t], [0o600, 0o660, 0o666, 0o400] as [UInt32])
  func modeIsExactUnderAnyUmask(mask: mode_t, asked: UInt32) async {
    await #expect(processExitsWith: .success) { [mask = mask as mode_t, asked = asked as UInt32] in
      let directory = try TemporaryDirectory()
      umask(mask)
      let listener = try UnixListener(binding: .path(directory("s")), mode: asked)
      #expect(mode(of: directory("s")) == S_IFSOCK | asked)
      // Whoever is this user may take the lock again, in another process.
      #expect((mode(of: directory("s.lock")) ?? 0) & 0o777 == 0o600)
      #expect(umask(0) == mask)
      try listener.close()
    }
  }

  @Test func whatSomebodyElseHasPutThereIsLeftAlone() throws {
    let directory = try TemporaryDirectory()
    let path = directory("f")
    try writeFile(path, "theirs", mode: 0o644)
    let before = (try contents(of: path), inode(of: path))
    let failed = systemFailure { _ = try FileAccess(mode: 0o600).finish(path, type: S_IFIFO, madeBy: "mkfifo") }
    #expect(failed?.errno == ESTALE)
    #expect((try contents(of: path), inode(of: path)) == before)
    #expect(mode(of: path) == S_IFREG | 0o644)
  }

  @Test(.asRoot, arguments: [0o000, 0o777] as [mode_t]) func fileIsGivenToItsOwners(mask: mode_t) async {
    await #expect(processExitsWith: .success) { [mask = mask as mode_t] in
      let directory = try TemporaryDirectory()
      try changeMode(directory.path, 0o755)
      umask(mask)
      let path = directory("s")
      let listener = try UnixListener(binding: .path(path), mode: 0o660, owner: strangerID, group: 5001)
      umask(0)
      #expect(FileAccessTests.state(of: path) == "660 \(strangerID) 5001")
      #expect(FileAccessTests.connecting(to: path, as: strangerID, group: 5000) == 0)
      #expect(FileAccessTests.connecting(to: path, as: 4322, group: 5001) == 0)
      #expect(FileAccessTests.connecting(to: path, as: 4322, group: 5000) == EACCES)
      try listener.close()
      let grouped = try UnixListener(binding: .path(path), mode: 0o620, group: 5001)
      #expect(FileAccessTests.state(of: path) == "620 0 5001")
      try grouped.close()
      let owned = try UnixListener(binding: .path(path), owner: strangerID)
      #expect(FileAccessTests.state(of: path) == "600 \(strangerID) 0")
      try owned.close()
      #expect(entries(of: directory.path) == ["s.lock"])
    }
  }

  @Test(.asRoot) func onlyWhatIsOnesOwnCanBeGiven() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      try changeMode(directory.path, 0o777)
      let path = directory("s")
      let told = try toldByForkedChild {
        try becomeStranger(groups: [5001])
        // Its own group, as the kernel has it at once, and one that it is in.
        try UnixListener(binding: .path(path), mode: 0o660, owner: strangerID, group: strangerID).close()
        let listener = try UnixListener(binding: .path(path), mode: 0o660, group: 5001)
        let state = FileAccessTests.state(of: path)
        try listener.close()
        let group = systemFailure { _ = try UnixListener(binding: .path(path), group: 5002) }
        let owner = systemFailure { _ = try UnixListener(binding: .path(path), owner: 4322) }
        return
          "\(state ?? "-"), \(group?.description ?? "-"), \(owner?.description ?? "-"), \(entries(of: directory.path))"
      }
      let refused = "chown \(path): Operation not permitted"
      #expect(told == "660 \(strangerID) 5001, \(refused), \(refused), [\"s.lock\"]")
    }
  }

  @Test func abstractNameBelongsToNobody() {
    let name = UnixAddress.abstract("ipckit/\(getpid())/owned")
    for (owner, group) in [(0, nil), (nil, 0)] as [(UInt32?, UInt32?)] {
      let ended = systemFailure { _ = try UnixListener(binding: name, owner: owner, group: group) }
      #expect(ended == SystemError(errno: EINVAL, operation: "chown", object: "\(name)"))
    }
  }

  @Test(.asRoot, arguments: [0o000, 0o027] as [mode_t]) func nobodyElseMayConnectOnTheWay(mask: mode_t) async {
    await #expect(processExitsWith: .success) { [mask = mask as mode_t] in
      let directory = try TemporaryDirectory()
      let path = directory("s")
      let stop = try Pipe(nonBlocking: true)
      let report = try Pipe()
      let observer = ForkedChild {
        var seen: Set<String> = []
        while (try? readOnce(stop.reading, 1)) == nil {
          for _ in 0..<100 {
            // The kernel reads mode and owners one after the other, and may tell of a state that never was; not twice.
            if let state = FileAccessTests.state(of: path), state == FileAccessTests.state(of: path) {
              if seen.isEmpty { try? report.writing.writeAll("looking\n") }
              seen.insert(state)
            }
          }
        }
        let line = seen.sorted().joined(separator: ",") + "\n"
        return (try? report.writing.writeAll(line)) == nil ? 1 : 0
      }
      umask(mask)
      var reader = BufferedReader(report.intoReading())
      var (count, isWatched) = (0, false)
      // A forked child takes its time until it looks.
      while count < 300 {
        let listener = try UnixListener(binding: .path(path), mode: 0o660, owner: strangerID, group: 5001)
        try listener.close()
        if !isWatched { isWatched = (try? reader.nextLine(as: String.self, deadline: .after(.zero))) == "looking" }
        if isWatched { count += 1 }
      }
      try stop.writing.writeAll("x")
      let seen = try reader.nextLine(as: String.self, deadline: .after(FileAccessTests.soon)) ?? ""
      #expect(observer.wait() == 0)
      // Never with more than the owner's permission before it is in its group's hands, and never with less.
      // The kernel gives it to the user first and then to the group, and can be held up in between.
      let allowed: Set = ["600 0 0", "600 \(strangerID) 0", "600 \(strangerID) 5001", "660 \(strangerID) 5001"]
      let strange = seen.split(separator: ",").map(String.init).filter { !allowed.contains($0) }
      #expect(strange == [])
      #expect(!seen.isEmpty)
    }
  }

  @Test func givingLeavesNothingOpen() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        umask(0o777)
        // The socket, the lock, and the file.
        try quiet.expectNothingLeftOpen(needing: 3) {
          try UnixListener(binding: .path(directory("s")), mode: 0o666, group: getegid()).close()
        }
        quiet.expect(entries(of: directory.path), is: ["s.lock"])
      }
    }
  }

  /// Mode, owner and group of what stands at `path`; nil when nothing does.
  fileprivate static func state(of path: String) -> String? {
    var found = stat()
    guard unsafe lstat(path, &found) == 0 else { return nil }
    return "\(String(found.st_mode & 0o7777, radix: 8)) \(found.st_uid) \(found.st_gid)"
  }

  /// How another user's connect(2) ends: 0, or an errno.
  fileprivate static func connecting(to path: String, as user: UInt32, group: UInt32) -> Int32 {
    ForkedChild {
      guard (try? becomeStranger(user: user, group: group)) != nil else { return 255 }
      return systemFailure { _ = try UnixStream(connectingTo: .path(path)) }?.errno ?? 0
    }.wait()
  }
}
