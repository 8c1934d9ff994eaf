// Where a snapshot goes: a file is replaced at once, so that it is whole or as it was; what is no file is written to.

internal import FoundationEssentials
internal import Glibc
internal import IPCKit

/// What a path for a snapshot leads to at the moment.
enum SnapshotPlace {
  /// A regular file, there or not, by the path behind all links.
  case file(path: String, before: FileStatus?)
  /// A device, a FIFO, or a file that somebody has open, as /dev/stdout is: another one in its place would not be it.
  case stream

  /// Owner and mode of what is there.
  struct FileStatus {
    var user: UInt32
    var group: UInt32
    var mode: UInt32
  }

  /// Looks. stat(2), readlink(2).
  init(_ path: String) throws(WatchFailure) {
    var status = stat()
    // The path is a C string and the structure valid for the length of the call.
    guard unsafe stat(path, &status) == 0 else {
      guard errno == ENOENT else { throw Self.failed("save to", path, errno) }
      // A link that leads nowhere has its file made.
      let (behind, _) = Self.resolve(path)
      self = .file(path: behind, before: nil)
      return
    }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: throw Self.failed("save to", path, EISDIR)
    case S_IFREG:
      let (behind, isOpenFile) = Self.resolve(path)
      let before = FileStatus(user: status.st_uid, group: status.st_gid, mode: status.st_mode & 0o777)
      self = isOpenFile ? .stream : .file(path: behind, before: before)
    default: self = .stream
    }
  }

  /// Follows the links at the end of a path, as many as the kernel would.
  private static func resolve(_ path: String) -> (path: String, isOpenFile: Bool) {
    var path = path
    var isOpenFile = false
    for _ in 0..<40 {
      if path.hasPrefix("/proc/") || path.hasPrefix("/dev/fd/") { isOpenFile = true }
      guard let next = try? FileManager.default.destinationOfSymbolicLink(atPath: path) else { break }
      path =
        next.hasPrefix("/")
        ? next : path[..<(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)] + next
    }
    return (path, isOpenFile)
  }

  /// Whether it can be written to, as far as that can be told before.
  func check(_ path: String) throws(WatchFailure) {
    switch self {
    case .stream:
      // The path is a C string for the length of the call.
      guard unsafe access(path, W_OK) == 0 else { throw Self.failed("write to", path, errno) }
    case .file(let behind, _):
      let name = Self.temporaryName(behind)
      _ = try Self.create(name, path)
      // As above.
      unsafe _ = unlink(name)
    }
  }

  /// Writes all of it.
  func write(_ bytes: [UInt8], _ path: String, patience: Duration?) throws(WatchFailure) {
    switch self {
    case .stream:
      // One that nobody has open to read is an error.
      try SnapshotFile.fill(
        try SnapshotFile.open(path, O_WRONLY | O_APPEND | O_NONBLOCK), bytes, path, patience: patience)
    case .file(let behind, let before): try Self.replace(behind, before, bytes, path)
    }
  }

  /// Writes a file beside the path and then puts it there. open(2) with O_EXCL and mode 0600, rename(2).
  private static func replace(
    _ behind: String, _ before: FileStatus?, _ bytes: [UInt8], _ path: String
  ) throws(WatchFailure) {
    let name = temporaryName(behind)
    let file = try create(name, path)
    do throws(WatchFailure) {
      if let before { keep(before, file) }
      try SnapshotFile.fill(file, bytes, path)
      // Both are C strings for the length of the call.
      guard unsafe rename(name, behind) == 0 else { throw failed("rename to", path, errno) }
    } catch {
      // As above.
      unsafe _ = unlink(name)
      throw error
    }
  }

  private static func temporaryName(_ path: String) -> String {
    "\(path).\(String(UInt64.random(in: 0 ... .max), radix: 36))"
  }

  private static func create(_ name: String, _ path: String) throws(WatchFailure) -> FileDescriptor {
    do throws(SystemError) {
      return try FileDescriptor(opening: name, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
    } catch {
      throw failed("create", path, error.errno)
    }
  }

  /// Gives a file the owner and the mode of the one that it takes the place of, as far as this process may.
  private static func keep(_ before: FileStatus, _ file: borrowing FileDescriptor) {
    // The number is used while the owner is borrowed.
    unsafe file.withUnsafeNumber { number in
      // A group that it cannot be given must not get what the mode grants to another.
      let isOwned = fchown(number, before.user, before.group) == 0
      _ = fchmod(number, isOwned ? before.mode : before.mode & 0o707)
    }
  }

  private static func failed(_ operation: String, _ path: String, _ code: Int32) -> WatchFailure {
    WatchFailure("\(SystemError(errno: code, operation: operation, object: path))")
  }
}
