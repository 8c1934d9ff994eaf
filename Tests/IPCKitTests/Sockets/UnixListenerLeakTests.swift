// Every early return of a listener's constructors, and what is open after it: nothing more than before.
//
// The next number that the kernel hands out is the proof, and that is the whole process's: so each case runs in a process
// where nothing else opens or closes.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct UnixListenerLeakTests {
  /// Something that stands in a listener's way.
  enum Obstacle: String, CaseIterable, Codable {
    case emptyPath, pathWithNUL, pathTooLong, directoryMissing, noPermission
    case lockHeld, lockIsALink, lockIsADirectory
    case file, directory, link, danglingLink, fifo
    case liveListener, fullListener, datagramSocket
  }

  @Test(arguments: Obstacle.allCases) func refusedLeavesNothing(obstacle: Obstacle) async {
    await #expect(processExitsWith: .success) { [obstacle = obstacle as Obstacle] in
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        let (path, expected) = try UnixListenerLeakTests.prepare(obstacle, in: directory.path)
        punchHoles()
        let before = entries(of: directory.path)
        try quiet.expectNothingLeftOpen {
          let ended = systemFailure { _ = try UnixListener(binding: .path(path)) }
          quiet.expect(ended?.errno, is: expected)
        }
        // Nothing was made but the lock file, nothing was removed.
        quiet.expect(entries(of: directory.path).filter { $0 != "s.lock" }, is: before.filter { $0 != "s.lock" })
        seteuid(0)
      }
    }
  }

  /// Puts the obstacle there; answers the path to bind and the error to expect. What must stay open is leaked on purpose.
  fileprivate static func prepare(_ obstacle: Obstacle, in directory: String) throws -> (String, Int32) {
    let path = directory + "/s"
    switch obstacle {
    case .emptyPath: return ("", ENOENT)
    case .pathWithNUL: return (path + "\0x", EINVAL)
    case .pathTooLong: return (path + String(repeating: "x", count: 108), ENAMETOOLONG)
    case .directoryMissing: return (directory + "/missing/s", ENOENT)
    case .noPermission:
      guard geteuid() == 0 else {
        try changeMode(directory, 0o500)
        return (path, EACCES)
      }
      seteuid(65534)
      return (path, EACCES)
    case .lockHeld:
      let lock = try openFile(path + ".lock", O_RDWR | O_CREAT).release()
      flock(lock, LOCK_EX | LOCK_NB)
      return (path, EADDRINUSE)
    case .lockIsALink:
      try makeLink(at: path + ".lock", to: "/dev/null")
      return (path, ELOOP)
    case .lockIsADirectory:
      try makeDirectory(path + ".lock")
      return (path, EISDIR)
    case .file:
      try writeFile(path, "precious")
      return (path, ENOTSOCK)
    case .directory:
      try makeDirectory(path)
      return (path, ENOTSOCK)
    case .link:
      _ = try boundSocket(directory + "/target").release()
      try makeLink(at: path, to: "target")
      return (path, ENOTSOCK)
    case .danglingLink:
      try makeLink(at: path, to: "nowhere")
      return (path, ENOTSOCK)
    case .fifo:
      try makeFIFO(path)
      return (path, ENOTSOCK)
    case .liveListener:
      _ = try boundSocket(path, backlog: 5).release()
      return (path, EADDRINUSE)
    case .fullListener:
      _ = try boundSocket(path, backlog: 0).release()
      _ = try connectWithoutWaiting(path).release()
      return (path, EADDRINUSE)
    case .datagramSocket:
      _ = try boundSocket(path, SOCK_DGRAM).release()
      return (path, EADDRINUSE)
    }
  }

  @Test func bindingWithoutRoomLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        // The socket and the lock.
        try quiet.expectNothingLeftOpen(needing: 2) { try UnixListener(binding: .path(directory("s"))).close() }
        quiet.expect(entries(of: directory.path) == ["s.lock"])
      }
    }
  }

  @Test func sweepingWithoutRoomLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        func leaveStaleSocket() throws { _ = try boundSocket(directory("s")) }
        try leaveStaleSocket()
        let before = mode(of: directory("s"))
        quiet.expect(before != nil)
        // The socket, the lock, and the probe that finds nobody there.
        try quiet.expectNothingLeftOpen(needing: 3) { try UnixListener(binding: .path(directory("s"))).close() }
        quiet.expect(entries(of: directory.path) == ["s.lock"])
      }
    }
  }

  @Test func acceptingWithoutRoomLeavesNothingAndTheClientWaiting() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        let listener = try UnixListener(binding: .path(directory("s")))
        let client = try UnixStream(connectingTo: .path(directory("s")))
        try quiet.expectNothingLeftOpen(needing: 1) { _ = try listener.accept(deadline: .after(.seconds(60))) }
        _ = client
      }
    }
  }

  /// Something that is not a listening stream socket.
  enum Inherited: String, CaseIterable, Codable {
    case datagram, packets, connected, unbound, boundOnly, pipe, file, internet
  }

  @Test(arguments: Inherited.allCases) func inheritingSomethingElseClosesIt(kind: Inherited) async {
    await #expect(processExitsWith: .success) { [kind = kind as Inherited] in
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        try quiet.expectNothingLeftOpen {
          let ended = systemFailure {
            _ = try UnixListener(inheriting: UnixListenerLeakTests.make(kind, in: directory.path))
          }
          quiet.expect(ended?.errno, is: kind == .pipe || kind == .file ? ENOTSOCK : EINVAL)
        }
      }
    }
  }

  fileprivate static func make(_ kind: Inherited, in directory: String) throws -> FileDescriptor {
    switch kind {
    case .datagram: return try boundSocket(directory + "/s", SOCK_DGRAM)
    case .packets: return try boundSocket(directory + "/s", SOCK_SEQPACKET, backlog: 1)
    case .connected: return try socketPair().intoLeft()
    case .boundOnly: return try boundSocket(directory + "/s")
    case .pipe: return try Pipe().intoReading()
    case .file: return try openFile(directory + "/f", O_RDWR | O_CREAT)
    // socket just handed the numbers out.
    case .unbound: return unsafe FileDescriptor(owning: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
    case .internet: return unsafe FileDescriptor(owning: listeningInternetSocket())
    }
  }

  private static func listeningInternetSocket() -> Int32 {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    listen(number, 1)
    return number
  }

  @Test func inheritedPathIsNeverRemoved() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let socket = try boundSocket(directory("s"), backlog: 5)
      try socket.setCloseOnExec(false)
      let copy = try socket.duplicate()
      let listener = try UnixListener(inheriting: socket)
      #expect(try copy.isNonBlocking)
      try listener.close()
      // Neither removed nor shut down: whoever shares the socket goes on.
      #expect(isListening(directory("s")))
    }
  }
}
