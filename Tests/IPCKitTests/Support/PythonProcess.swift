// A peer that shares no line of code with this library: Python, whose socket module sends and receives descriptors too.

import Glibc
import IPCKit

/// A running python3 whose standard input is a socket.
struct PythonProcess {
  private let processID: pid_t

  /// Runs a program in which `s` is the socket. posix_spawnp(3).
  /// - Throws: ENOENT where there is no python3.
  init(_ program: String, on socket: borrowing FileDescriptor) throws {
    let lines = ["import os, socket", "s = socket.socket(fileno=0)", program]
    let arguments = ["python3", "-c", lines.joined(separator: "\n")]
    let texts: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe strdup($0) } + [nil]
    defer { unsafe texts.forEach { unsafe free($0) } }
    // The structure is this function's own, and is set up before it is used.
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    // The number is used before the borrowing ends.
    unsafe _ = socket.withUnsafeNumber { unsafe posix_spawn_file_actions_adddup2(&actions, $0, 0) }
    var processID: pid_t = 0
    // The texts are C strings until this function ends, and the list of them ends with nil.
    let failed = unsafe posix_spawnp(&processID, "python3", &actions, nil, texts, environ)
    guard failed == 0 else { throw SystemError(errno: failed, operation: "posix_spawnp", object: "python3") }
    self.processID = processID
  }

  /// Waits for its end: the exit status, or the negated signal.
  func wait() -> Int32 {
    var status: Int32 = 0
    // waitpid writes the status and keeps no pointer.
    while unsafe waitpid(processID, &status, 0) < 0, errno == EINTR {}
    return status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
  }
}
