// socket.c and path.c: a socket's file has its mode from its first moment, and what is accepted has both flags.

import CIPCShim
import Glibc
import Testing

@Suite struct SocketTests {
  @Test(arguments: [0o000, 0o022, 0o077, 0o777] as [mode_t], [0o600, 0o660, 0o666] as [UInt32])
  func bindGivesTheModeLessTheUmask(mask: mode_t, mode: UInt32) async {
    await #expect(processExitsWith: .success) { [mask = mask as mode_t, mode = mode as UInt32] in
      let directory = try makeDirectory()
      umask(mask)
      let socket = ipc_unix_socket(IPC_STREAM, 0)
      #expect(bind(socket, "\(directory)/s", mode) == 0)
      var status = ipc_file_status()
      // A path is a C string for the length of the call, here and below.
      #expect(unsafe ipc_path_status("\(directory)/s", &status) == 0)
      #expect(status.mode == S_IFSOCK | mode & ~UInt32(mask))
      #expect(status.owner == geteuid())
      umask(0)
      close(socket)
      removeDirectory(directory, "s")
    }
  }

  @Test func acceptedIsCloseOnExecAndNonBlocking() throws {
    let directory = try makeDirectory()
    let listener = ipc_unix_socket(IPC_STREAM, 1)
    #expect(ipc_accept(listener) == -EINVAL)
    #expect(bind(listener, "\(directory)/s") == 0)
    #expect(ipc_listen(listener, 5) == 0)
    #expect(ipc_accept(listener) == -EAGAIN)
    let client = ipc_unix_socket(IPC_STREAM, 0)
    #expect(connect(client, "\(directory)/s") == 0)
    let accepted = ipc_accept(listener)
    #expect(accepted >= 0)
    #expect(ipc_is_close_on_exec(accepted) == 1)
    #expect(ipc_is_non_blocking(accepted) == 1)
    closeAll(listener, client, accepted)
    removeDirectory(directory, "s")
  }

  @Test func pathsThatAreNoAddress() throws {
    let directory = try makeDirectory()
    let socket = ipc_unix_socket(IPC_STREAM, 0)
    let long = directory + "/" + String(repeating: "x", count: 200)
    #expect(bind(socket, "") == -ENOENT)
    #expect(connect(socket, "") == -ENOENT)
    #expect(bind(socket, long) == -ENAMETOOLONG)
    #expect(connect(socket, long) == -ENAMETOOLONG)
    #expect(connect(socket, "\(directory)/missing") == -ENOENT)
    #expect(bind(socket, "\(directory)/missing/s") == -ENOENT)
    #expect(bind(socket, "\(directory)/s") == 0)
    let second = ipc_unix_socket(IPC_STREAM, 0)
    #expect(bind(second, "\(directory)/s") == -EADDRINUSE)
    // Bound, and not yet listening.
    #expect(connect(second, "\(directory)/s") == -ECONNREFUSED)
    closeAll(socket, second)
    removeDirectory(directory, "s")
  }

  @Test func addressIsThePathOrTheAbstractName() throws {
    let directory = try makeDirectory()
    let (path, name) = ("\(directory)/s", "\0ipckit\0\(getpid())")
    let (first, second, third) = (
      ipc_unix_socket(IPC_STREAM, 0), ipc_unix_socket(IPC_DATAGRAM, 0), ipc_unix_socket(IPC_STREAM, 0)
    )
    #expect(address(of: first) == "")
    #expect(bind(first, path) == 0 && address(of: first) == path)
    // Both limits are the kernel's: a path of 107 bytes has its NUL, a name its own length.
    let longest = path + String(repeating: "x", count: 107 - path.utf8.count)
    #expect(bind(second, longest) == 0 && address(of: second) == longest)
    #expect(bind(third, name) == 0 && address(of: third) == name)
    let fourth = ipc_unix_socket(IPC_STREAM, 0)
    #expect(bind(fourth, name) == -EADDRINUSE)
    #expect(bind(fourth, "\0" + String(repeating: "x", count: 108)) == -ENAMETOOLONG)
    #expect(ipc_listen(third, 1) == 0 && connect(fourth, name) == 0)
    let (reading, writing) = try makePipe()
    #expect(address(of: reading) == "\(-ENOTSOCK)")
    closeAll(first, second, third, fourth, reading, writing)
    removeDirectory(directory, "s", String(longest.dropFirst(directory.utf8.count + 1)))
  }

  @Test func kindOfASocket() throws {
    let directory = try makeDirectory()
    let listener = ipc_unix_socket(IPC_STREAM, 0)
    #expect(kind(listener) == [IPC_FAMILY_UNIX, IPC_STREAM, 0])
    #expect(bind(listener, "\(directory)/s") == 0 && ipc_listen(listener, 1) == 0)
    #expect(kind(listener) == [IPC_FAMILY_UNIX, IPC_STREAM, 1])
    let (left, right) = try makeSocketPair(IPC_SEQPACKET)
    #expect(kind(left) == [IPC_FAMILY_UNIX, IPC_SEQPACKET, 0])
    let (reading, writing) = try makePipe()
    #expect(kind(reading) == [-ENOTSOCK])
    #expect(ipc_is_socket(left) == 1 && ipc_is_socket(reading) == 0)
    closeAll(listener, left, right, reading, writing)
    removeDirectory(directory, "s")
  }

  @Test func peerIsThisProcess() throws {
    let (left, right) = try makeSocketPair()
    var (pid, uid, gid): (Int32, UInt32, UInt32) = (0, 0, 0)
    // The shim writes three integers.
    #expect(unsafe ipc_peer_credentials(left, &pid, &uid, &gid) == 0)
    #expect(pid == getpid() && uid == geteuid() && gid == getegid())
    let (reading, writing) = try makePipe()
    #expect(unsafe ipc_peer_credentials(reading, &pid, &uid, &gid) == -ENOTSOCK)
    closeAll(left, right, reading, writing)
  }

  @Test func sendTimeoutBoundsAConnectToAFullBacklog() throws {
    let directory = try makeDirectory()
    let listener = ipc_unix_socket(IPC_STREAM, 0)
    #expect(bind(listener, "\(directory)/s") == 0 && ipc_listen(listener, 0) == 0)
    let (first, second) = (ipc_unix_socket(IPC_STREAM, 0), ipc_unix_socket(IPC_STREAM, 0))
    #expect(connect(first, "\(directory)/s") == 0)
    // Less than a microsecond is rounded up: 0 would be no limit at all.
    for nanoseconds in [1, 20_000_000] as [Int64] {
      #expect(ipc_set_send_timeout(second, nanoseconds) == 0)
      #expect(connect(second, "\(directory)/s") == -EAGAIN)
    }
    closeAll(listener, first, second)
    removeDirectory(directory, "s")
  }

  @Test func endOfSending() throws {
    let (left, right) = try makeSocketPair()
    #expect(ipc_shutdown_sending(left) == 0)
    #expect(readText(right).0 == 0)
    #expect(write("back", to: right) == 4)
    #expect(readText(left).1 == "back")
    let (reading, writing) = try makePipe()
    #expect(ipc_shutdown_sending(writing) == -ENOTSOCK)
    closeAll(left, right, reading, writing)
  }

  @Test func lockIsExclusiveAndNeverThroughALink() throws {
    let directory = try makeDirectory()
    let first = unsafe ipc_open_lock_file("\(directory)/lock")
    let second = unsafe ipc_open_lock_file("\(directory)/lock")
    #expect(ipc_is_close_on_exec(first) == 1)
    #expect(ipc_lock(first) == 0)
    #expect(ipc_lock(second) == -EWOULDBLOCK)
    var status = ipc_file_status()
    #expect(unsafe ipc_status(first, &status) == 0)
    #expect(status.mode & ~0o600 == S_IFREG)
    #expect(unsafe symlink("lock", "\(directory)/link") == 0)
    #expect(unsafe ipc_open_lock_file("\(directory)/link") == -ELOOP)
    #expect(unsafe ipc_path_status("\(directory)/link", &status) == 0)
    #expect(status.mode & S_IFMT == S_IFLNK)
    closeAll(first, second)
    removeDirectory(directory, "lock", "link")
  }

  @Test func privateDirectoryIsMadeOnceAndNeverThroughALink() throws {
    let directory = try makeDirectory()
    for _ in 0..<2 {
      let made = unsafe ipc_open_private_directory("\(directory)/d")
      var status = ipc_file_status()
      #expect(unsafe ipc_status(made, &status) == 0)
      #expect(status.mode & ~0o700 == S_IFDIR)
      #expect(ipc_is_close_on_exec(made) == 1)
      close(made)
    }
    #expect(unsafe symlink("d", "\(directory)/link") == 0)
    #expect(unsafe ipc_open_private_directory("\(directory)/link") == -ENOTDIR)
    #expect(unsafe ipc_open_private_directory("\(directory)/a/b") == -ENOENT)
    #expect(unsafe ipc_unlink("\(directory)/gone") == -ENOENT)
    removeDirectory(directory, "d", "link")
  }

  /// The address that a socket is bound to, or the negated errno.
  private func address(of socket: Int32) -> String {
    var bytes = [UInt8](repeating: 0xff, count: Int(IPC_ADDRESS_LIMIT))
    // The shim stores at most as many bytes.
    let length = unsafe ipc_socket_address(socket, &bytes)
    return length < 0 ? "\(length)" : String(decoding: bytes.prefix(Int(length)), as: UTF8.self)
  }

  private func kind(_ number: Int32) -> [Int32] {
    var (family, type, listening): (Int32, Int32, Int32) = (-1, -1, -1)
    // The shim writes three integers.
    let result = unsafe ipc_socket_kind(number, &family, &type, &listening)
    return result < 0 ? [result] : [family, type, listening]
  }
}
