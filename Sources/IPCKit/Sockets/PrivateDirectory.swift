// A directory for sockets where the system has none for this user: made by us, owned by us, closed to others.

internal import CIPCShim
internal import Glibc

/// Directories that only this user can reach.
public enum PrivateDirectory {
  /// Makes sure that `path` is a directory of this user's with mode 0700, creating its last component if it is missing.
  ///
  /// Checked by descriptor after opening, and never through a link: in a directory like /tmp others could have been first.
  /// mkdir(2), open(2) with O_NOFOLLOW, fstat(2).
  /// - Throws: EPERM when it belongs to another user or is open to others; ELOOP or ENOTDIR when it is not a directory.
  public static func ensure(_ path: String) throws(SystemError) {
    // The path is a C string for the length of the call.
    let directory = try FileDescriptor(checking: unsafe ipc_open_private_directory(path), "open", path, at: .here())
    var found = ipc_file_status()
    _ = try SystemError.check(unsafe ipc_status(directory.number, &found), "fstat", path)
    guard found.owner == geteuid(), found.mode & 0o077 == 0 else {
      throw SystemError(errno: EPERM, operation: "use as a private directory", object: path)
    }
  }
}
