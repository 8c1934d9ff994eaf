// The lock beside a socket, seen from outside: it decides who owns the path, and it outlives everybody. A lock that was
// given up is looked for in a process of its own, because a child that another test starts holds a copy until it executes.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct SocketPathTests {
  @Test func lockIsHeldAsLongAsTheListenerAndNoLonger() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let listener = try UnixListener(binding: .path(directory("s")))
      #expect(try !SocketPathTests.canTake(directory("s.lock")))
      try listener.close()
      #expect(try SocketPathTests.canTake(directory("s.lock")))
    }
  }

  @Test func lockFileIsTheSameForEveryOwner() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      try UnixListener(binding: .path(directory("s"))).close()
      let first = inode(of: directory("s.lock"))
      let listener = try UnixListener(binding: .path(directory("s")))
      #expect(inode(of: directory("s.lock")) == first)
      try listener.close()
      #expect(inode(of: directory("s.lock")) == first)
    }
  }

  @Test func lockFileReplacedWhileHeldDoesNotHelpAnIntruder() throws {
    let directory = try TemporaryDirectory()
    let listener = try UnixListener(binding: .path(directory("s")))
    try remove(directory("s.lock"))
    // The lock is gone, the listener is not: its socket answers, so it is not swept.
    let ended = systemFailure { _ = try UnixListener(binding: .path(directory("s"))) }
    #expect(ended == SystemError(errno: EADDRINUSE, operation: "bind", object: directory("s")))
    #expect(isListening(directory("s")))
    try listener.close()
  }

  @Test func boundButNotYetListeningIsProtectedByTheLock() throws {
    let directory = try TemporaryDirectory()
    // As one of ours is between bind and listen: a refused connection would prove nothing.
    let lock = try openFile(directory("s.lock"), O_RDWR | O_CREAT)
    // The number is used while the owner is borrowed.
    #expect(unsafe lock.withUnsafeNumber { flock($0, LOCK_EX | LOCK_NB) } == 0)
    let bound = try boundSocket(directory("s"))
    #expect(systemFailure { _ = try UnixStream(connectingTo: .path(directory("s"))) }?.errno == ECONNREFUSED)
    let ended = systemFailure { _ = try UnixListener(binding: .path(directory("s"))) }
    #expect(ended == SystemError(errno: EADDRINUSE, operation: "lock", object: directory("s.lock")))
    #expect(mode(of: directory("s")) != nil)
    _ = bound
  }

  @Test func relativePathIsTheWorkingDirectorys() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      try enterDirectory(directory.path)
      let listener = try UnixListener(binding: "s")
      #expect(isListening(directory("s")))
      try listener.close()
      #expect(entries(of: directory.path) == ["s.lock"])
    }
  }

  /// Whether the lock can be taken, by an open file of its own.
  fileprivate static func canTake(_ path: String) throws -> Bool {
    let lock = try openFile(path, O_RDWR)
    // The number is used while the owner is borrowed.
    return unsafe lock.withUnsafeNumber { flock($0, LOCK_EX | LOCK_NB) == 0 }
  }
}
