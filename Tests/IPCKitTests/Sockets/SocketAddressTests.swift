// Paths that are longer than the kernel's addresses: bound, found, swept and removed like any other, and told as they were
// given.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct SocketAddressTests {
  private static let soon = Duration.seconds(60)

  /// A new path of more than `length` bytes whose directories exist.
  private static func longPath(in directory: String, _ length: Int = 300, name: String = "s") throws -> String {
    var path = directory
    while path.utf8.count < length {
      path += "/" + String(repeating: "d", count: 40)
      try makeDirectory(path)
    }
    return path + "/" + name
  }

  private static func parent(of path: String) -> String { String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]) }

  @Test(arguments: [108, 300, 3000]) func longPathIsAPathLikeAnyOther(length: Int) throws {
    let directory = try TemporaryDirectory()
    let path = try Self.longPath(in: directory.path, length)
    let listener = try UnixListener(binding: .path(path))
    #expect(mode(of: path) == S_IFSOCK | 0o600)
    #expect(try listener.path == path)
    #expect(try listener.address == .path(path))
    let stream = try UnixStream(connectingTo: .path(path), trusting: .sameUser, deadline: .after(Self.soon))
    try stream.descriptor.writeAll("in\n")
    var reader = BufferedReader(try listener.accept(deadline: .after(Self.soon)))
    #expect(try reader.nextLine(as: String.self, deadline: .after(Self.soon)) == "in")
    let ended = systemFailure { _ = try UnixListener(binding: .path(path)) }
    #expect(ended == SystemError(errno: EADDRINUSE, operation: "lock", object: path + ".lock"))
    try listener.close()
    #expect(entries(of: Self.parent(of: path)) == ["s.lock"])
  }

  @Test func longPathIsSweptAndProtected() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let path = try SocketAddressTests.longPath(in: directory.path)
      func forget() throws { _ = try UnixListener(binding: .path(path)) }
      try forget()
      try forget()
      #expect(entries(of: SocketAddressTests.parent(of: path)) == ["s", "s.lock"])
      // Somebody who knows no lock.
      try remove(path)
      try enterDirectory(SocketAddressTests.parent(of: path))
      let foreign = try boundSocket("s", backlog: 1)
      let ended = systemFailure { _ = try UnixListener(binding: .path(path)) }
      #expect(ended == SystemError(errno: EADDRINUSE, operation: "bind", object: path))
      #expect(isListening("s"))
      try foreign.close()
    }
  }

  @Test func longRelativePathIsTheWorkingDirectorys() async {
    await #expect(processExitsWith: .success) {
      let directory = try TemporaryDirectory()
      let path = try SocketAddressTests.longPath(in: directory.path)
      try enterDirectory(directory.path)
      let relative = String(path.dropFirst(directory.path.count + 1))
      let listener = try UnixListener(binding: .path(relative))
      #expect(try listener.path == relative)
      #expect(isListening(path))
      try listener.close()
    }
  }

  @Test func lastComponentMustFit() throws {
    let directory = try TemporaryDirectory()
    let fitting = try Self.longPath(in: directory.path, name: String(repeating: "n", count: 85))
    let listener = try UnixListener(binding: .path(fitting))
    #expect(isListening(fitting))
    try listener.close()
    for count in [92, 107, 255, 300] {
      let path = Self.parent(of: fitting) + "/" + String(repeating: "n", count: count)
      let refused = systemFailure { _ = try UnixListener(binding: .path(path)) }
      #expect(refused == SystemError(errno: ENAMETOOLONG, operation: "bind", object: path))
      let missed = systemFailure { _ = try UnixStream(connectingTo: .path(path)) }
      #expect(missed == SystemError(errno: ENAMETOOLONG, operation: "connect", object: path))
    }
    #expect(entries(of: Self.parent(of: fitting)) == [String(repeating: "n", count: 85) + ".lock"])
    let nowhere = String(repeating: "n", count: 200)
    #expect(systemFailure { _ = try UnixListener(binding: .path(nowhere)) }?.errno == ENAMETOOLONG)
  }

  @Test func missingDirectoryIsTold() throws {
    let directory = try TemporaryDirectory()
    let path = try Self.parent(of: Self.longPath(in: directory.path)) + "/missing/s"
    let refused = systemFailure { _ = try UnixListener(binding: .path(path)) }
    #expect(refused == SystemError(errno: ENOENT, operation: "bind", object: path))
    let missed = systemFailure { _ = try UnixStream(connectingTo: .path(path)) }
    #expect(missed == SystemError(errno: ENOENT, operation: "connect", object: path))
  }

  @Test func inheritedLongPathIsNotTold() throws {
    let directory = try TemporaryDirectory()
    let parent = try openFile(directory.path, O_RDONLY | O_DIRECTORY)
    // The number is used while the owner is borrowed.
    let socket = try unsafe parent.withUnsafeNumber { try boundSocket("/proc/self/fd/\($0)/s", backlog: 1) }
    let listener = try UnixListener(inheriting: socket)
    #expect(try listener.address == nil)
    #expect(try listener.path == nil)
    #expect(isListening(directory("s")))
  }

  @Test func longPathLeavesNothingOpen() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let directory = try TemporaryDirectory()
        let path = try SocketAddressTests.longPath(in: directory.path)
        func forget() throws { _ = try UnixListener(binding: .path(path)) }
        try forget()
        // The socket, the lock, the probe that finds nobody there, and the directory.
        try quiet.expectNothingLeftOpen(needing: 4) { try UnixListener(binding: .path(path)).close() }
        // The socket, the lock and the directory.
        try quiet.expectNothingLeftOpen(needing: 3) { try UnixListener(binding: .path(path)).close() }
        quiet.expect(entries(of: SocketAddressTests.parent(of: path)) == ["s.lock"])
        let listener = try UnixListener(binding: .path(path))
        try quiet.expectNothingLeftOpen(needing: 2) { _ = try UnixStream(connectingTo: .path(path)) }
        let tooLong = UnixAddress.path(path + String(repeating: "x", count: 100))
        try quiet.expectNothingLeftOpen {
          quiet.expect(systemFailure { _ = try UnixStream(connectingTo: tooLong) }?.errno, is: ENAMETOOLONG)
          quiet.expect(systemFailure { _ = try UnixListener(binding: tooLong) }?.errno, is: ENAMETOOLONG)
        }
        try listener.close()
      }
    }
  }
}
