// Who may open a file that was just made, exactly as asked for: the umask has its say when a file is made, and whoever it
// is given to gets it afterwards. Until then it must let in nobody who may not in the end.

internal import CIPCShim
internal import Glibc

/// The mode and the owners of a socket's file, or of a FIFO.
struct FileAccess: Sendable {
  let mode: UInt32
  let owner: UInt32?
  let group: UInt32?

  /// Owners are nil where they are to stay as the kernel chooses them.
  init(mode: UInt32, owner: UInt32? = nil, group: UInt32? = nil) {
    (self.mode, self.owner, self.group) = (mode & 0o7777, owner, group)
  }

  /// Refuses what cannot be a path.
  static func check(_ path: String, for operation: String) throws(SystemError) {
    guard !path.isEmpty else { throw SystemError(errno: ENOENT, operation: operation, object: "(empty path)") }
    guard !path.utf8.contains(0) else {
      throw SystemError(errno: EINVAL, operation: operation, object: "(path with NUL)")
    }
  }

  /// Whether the file changes hands.
  var changesHands: Bool { owner != nil || group != nil }

  /// The mode to make the file with. While it is not yet in the right hands, those of its group and of all others must not
  /// use it; this user may all along, so that its own clients are never refused.
  var firstMode: UInt32 { changesHands ? mode & 0o700 : mode }

  /// Brings a file that was just made with ``firstMode`` into its final state, or removes it.
  /// - Parameters:
  ///   - type: what was made, as in S_IFMT.
  ///   - operation: what made it.
  /// - Returns: the file as it was found.
  /// - Throws: ESTALE when another file stands there meanwhile, which is left alone; EPERM when this process may not give
  ///   it away.
  func finish(_ path: String, type: UInt32, madeBy operation: String) throws(SystemError) -> ipc_file_status {
    do throws(SystemError) {
      let made = try Self.status(of: path)
      guard made.mode & S_IFMT == type else { throw SystemError(errno: ESTALE, operation: operation, object: path) }
      try apply(to: made, at: path)
      return made
    } catch  where error.errno == ESTALE {
      // Somebody has put something else there, which is not ours to remove.
      throw error
    } catch {
      // The path is a C string for the length of the call.
      unsafe _ = ipc_unlink(path)
      throw error
    }
  }

  /// What stands at a path, never through a link. lstat(2).
  static func status(of path: String) throws(SystemError) -> ipc_file_status {
    var found = ipc_file_status()
    // The path is a C string for the length of the call, and the shim fills the structure.
    _ = try SystemError.check(unsafe ipc_path_status(path, &found), "lstat", path)
    return found
  }

  /// fchownat(2), then chmod(2), where they differ, by a descriptor of the file itself, which must be the one that was made.
  private func apply(to made: ipc_file_status, at path: String) throws(SystemError) {
    let owner = owner.flatMap { $0 == made.owner ? nil : $0 }
    let group = group.flatMap { $0 == made.group ? nil : $0 }
    guard owner != nil || group != nil || made.mode & 0o7777 != mode else { return }
    // The path is a C string for the length of the call.
    let file = try FileDescriptor(checking: unsafe ipc_open_itself(path), "open", path, at: .here())
    var found = ipc_file_status()
    // The shim fills the structure.
    _ = try SystemError.check(unsafe ipc_status(file.number, &found), "fstat", path)
    guard found.device == made.device, found.inode == made.inode, found.mode == made.mode else {
      throw SystemError(errno: ESTALE, operation: "open", object: path)
    }
    if owner != nil || group != nil {
      // What is all ones stays as it is.
      let result = ipc_change_owner(file.number, owner ?? .max, group ?? .max)
      _ = try SystemError.check(result, "chown", path)
    }
    _ = try SystemError.check(ipc_change_mode(file.number, mode), "chmod", path)
  }
}
