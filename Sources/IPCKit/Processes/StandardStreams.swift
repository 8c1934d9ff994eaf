// Descriptors 0, 1 and 2: a process that lacks them hands their numbers to the next socket, and writes its errors there.

internal import CIPCShim
internal import Glibc

/// This process's standard input, output and error.
public enum StandardStreams {
  /// Opens /dev/null under each of 0, 1 and 2 that is closed. open(2), dup2(2).
  public static func ensureOpen() throws(SystemError) {
    for number: CInt in 0...2 where ipc_is_close_on_exec(number) == -EBADF {
      try redirectToNull(number)
    }
  }

  /// Makes one of 0, 1 and 2 lead to /dev/null, whatever it led to. open(2), dup2(2).
  public static func redirectToNull(_ number: Int32) throws(SystemError) {
    precondition((0...2).contains(number), "not a standard stream")
    let null = try FileDescriptor(checking: ipc_open_null(), "open", "/dev/null", at: .here())
    // Opened right under the wanted number, which was free: it stays there, for good, and for children.
    guard null.number != number else {
      try null.setCloseOnExec(false)
      _ = null.release()
      return
    }
    _ = try SystemError.check(ipc_redirect(null.number, number), "dup2")
  }
}
