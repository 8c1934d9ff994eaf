// Pipes with a path, for peers that know files alone: shells, and programs that were never written to talk.

internal import CIPCShim
internal import Glibc

/// A pipe that has a path.
///
/// Each end is opened apart, by whoever may, and many may write at once: what is no longer than 4,096 bytes arrives whole.
/// Nobody knows who is at the other end. Both functions that open block the thread until somebody is there.
///
/// ```swift
/// try FIFO.make(at: "/run/user/1000/example.fifo")
/// let writing = try FIFO.openForWriting("/run/user/1000/example.fifo", deadline: .after(.seconds(5)))
/// try writing.writeAll("hello\n", deadline: .after(.seconds(5)))
/// ```
public enum FIFO {
  /// Makes a FIFO, for good: whoever made it removes it, with unlink(2). mkfifo(3), chmod(2).
  /// - Parameters:
  ///   - path: where it is to be.
  ///   - mode: who may open it, whatever the umask; nobody else may on the way there.
  /// - Throws: EEXIST when something stands there, ENOENT, EACCES. Nothing is left behind.
  public static func make(at path: String, mode: UInt32 = 0o600) throws(SystemError) {
    try FileAccess.check(path, for: "mkfifo")
    let access = FileAccess(mode: mode)
    // The path is a C string for the length of the call.
    _ = try SystemError.check(unsafe ipc_make_fifo(path, access.firstMode), "mkfifo", path)
    _ = try access.finish(path, type: S_IFIFO, madeBy: "mkfifo")
  }

  /// Opens the reading end and waits until somebody has opened the other one. open(2) without following a link, ppoll(2),
  /// tee(2).
  /// - Parameters:
  ///   - path: where the FIFO is.
  ///   - deadline: until when it waits.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Returns: the reading end, non-blocking and close-on-exec, the caller's to own. Its end of the file means that all
  ///   writers have gone.
  /// - Throws: ``IPCError/system(_:)`` with EINVAL when it is no FIFO, ELOOP when it is a link, ENOENT, EACCES;
  ///   ``IPCError/deadlineExceeded(operation:)``.
  public static func openForReading(
    _ path: String, deadline: Deadline = .never, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(IPCError) -> FileDescriptor {
    let fifo = try IPCError.wrap { () throws(SystemError) in
      try FileAccess.check(path, for: "open")
      return try FileDescriptor(checking: unsafe ipc_open_fifo(path, 0), "open", path, at: CallSite(fileID, line))
    }
    var pause = Pause(until: deadline)
    while try !hasWriter(fifo) {
      // Whoever came, wrote and went again wakes us at once, and so does one who only came and went.
      guard try !pause.wait(for: fifo.number, path) else { break }
    }
    return fifo
  }

  private static func hasWriter(_ fifo: borrowing FileDescriptor) throws(IPCError) -> Bool {
    do throws(SystemError) {
      return try SystemError.check(ipc_fifo_has_writer(fifo.number), "tee") == 1
    } catch {
      throw .system(error)
    }
  }

  /// Opens the writing end, as soon as somebody has opened the other one. open(2) without following a link, tried again
  /// while it reports ENXIO: at first after a millisecond, and after sixteen at most.
  /// - Parameters:
  ///   - path: where the FIFO is.
  ///   - deadline: until when it waits.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Returns: the writing end, non-blocking and close-on-exec, the caller's to own.
  /// - Throws: ``IPCError/system(_:)`` with EINVAL when it is no FIFO, ELOOP when it is a link, ENOENT, EACCES;
  ///   ``IPCError/deadlineExceeded(operation:)`` when nobody reads.
  public static func openForWriting(
    _ path: String, deadline: Deadline = .never, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(IPCError) -> FileDescriptor {
    try IPCError.wrap { () throws(SystemError) in try FileAccess.check(path, for: "open") }
    var pause = Pause(until: deadline)
    while true {
      let result = unsafe ipc_open_fifo(path, 1)
      guard result == -ENXIO else {
        return try IPCError.wrap { () throws(SystemError) in
          try FileDescriptor(checking: result, "open", path, at: CallSite(fileID, line))
        }
      }
      _ = try pause.wait(for: -1, path)
    }
  }
}

/// Waits between two attempts: longer each time, and never beyond the deadline.
private struct Pause {
  private let deadline: Deadline
  private var length: Int64 = 1_000_000
  private static let longest: Int64 = 16_000_000

  init(until deadline: Deadline) { self.deadline = deadline }

  /// Whether the descriptor became readable meanwhile, or hung up; of -1, which poll(2) does not look at, never.
  mutating func wait(for number: CInt, _ path: String) throws(IPCError) -> Bool {
    let remaining = deadline.remainingNanoseconds
    guard remaining != 0 else { throw .deadlineExceeded(operation: "open \(path)") }
    let result = ipc_poll(number, IPC_READABLE, remaining < 0 ? length : min(length, remaining))
    length = min(length * 2, Self.longest)
    if result == -EINTR { return false }
    return try IPCError.wrap { () throws(SystemError) in try SystemError.check(result, "ppoll") } > 0
  }
}
