// The one owner of a descriptor number, and the one type whose deinit closes. Everything else in the library holds one of
// these as a field and has no deinit of its own, so that whatever ends, by whatever path, close(2) runs exactly once.

internal import CIPCShim
internal import Glibc

/// An open file descriptor with exactly one owner.
///
/// It cannot be copied, so it cannot be closed twice, and it cannot be forgotten: where its owner ends, it is closed.
/// Hand it on by consuming it; close it early, and hear of errors, with ``close()``.
///
/// ```swift
/// func greet(_ descriptor: consuming FileDescriptor) throws(IPCError) {
///   try descriptor.writeAll("hello\n")
/// }  // closed here, whether writing failed or not
/// ```
public struct FileDescriptor: ~Copyable, Sendable {
  /// Never -1: a value that owns nothing does not exist.
  let number: CInt

  /// Takes over a descriptor number that this process got by other means.
  ///
  /// Unsafe because nothing can check the promise it takes: that no one else will close `number`, nor use it after.
  /// - Parameters:
  ///   - number: the descriptor, this value's from now on.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Precondition: `number` is not negative.
  @unsafe public init(owning number: CInt, fileID: StaticString = #fileID, line: UInt32 = #line) {
    unsafe self.init(owning: number, at: CallSite(fileID, line))
  }

  /// The same for a number that the caller of the library has asked for there.
  @inline(__always)
  @unsafe init(owning number: CInt, at site: CallSite) {
    precondition(number >= 0, "a descriptor number is never negative")
    self.number = site.recorded(number)
  }

  deinit {
    Self.checkOwned(ipc_close(number), number)
  }

  /// Closes the descriptor now and reports what close(2) says.
  ///
  /// The number is free afterwards even when this throws: Linux releases it before it can fail, so close is never retried.
  /// - Throws: the errno of close(2): EIO, ENOSPC or EDQUOT for writes that a file system could not keep.
  public consuming func close() throws(SystemError) {
    let number = number
    discard self
    let result = ipc_close(number)
    Self.checkOwned(result, number)
    _ = try SystemError.check(result, "close")
  }

  /// Gives up ownership: the number is the caller's to close from now on.
  public consuming func release() -> CInt {
    let number = number
    discard self
    return number
  }

  /// A second descriptor for the same open file, close-on-exec, owned by the caller. fcntl(2) with F_DUPFD_CLOEXEC.
  /// - Parameters:
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: EMFILE when the process may have no more.
  public borrowing func duplicate(
    fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) -> FileDescriptor {
    try FileDescriptor(checking: ipc_duplicate(number, 0), "fcntl F_DUPFD_CLOEXEC", at: CallSite(fileID, line))
  }

  /// Lends the number to `body`, for system calls that this library does not have.
  ///
  /// Unsafe because the number must not be closed, nor kept beyond the call.
  @unsafe public borrowing func withUnsafeNumber<Result: ~Copyable, Failure: Error>(
    _ body: (CInt) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(number)
  }
}

extension FileDescriptor {
  /// The owner of a number that a shim's function just made, or the error it reported.
  init(
    checking result: CInt, _ operation: StaticString, _ object: @autoclosure () -> String? = nil, at site: CallSite
  ) throws(SystemError) {
    let number = try SystemError.check(result, operation, object())
    // The kernel handed this number out in this very call: no one else can know it.
    unsafe self.init(owning: number, at: site)
  }

  /// In debug builds, EBADF at close is a bug worth stopping for: someone else closed our number, and could as well have
  /// closed it after it was another file's.
  private static func checkOwned(_ result: CInt, _ number: CInt) {
    assert(result != -EBADF, "descriptor \(number) was closed behind its owner's back")
  }
}

extension FileDescriptor {
  /// Whether the descriptor is closed when this process executes another program. fcntl(2) with F_GETFD and F_SETFD.
  public var isCloseOnExec: Bool {
    get throws(SystemError) { try SystemError.check(ipc_is_close_on_exec(number), "fcntl F_GETFD") == 1 }
  }

  /// Sets or clears close-on-exec. fcntl(2) with F_SETFD.
  public borrowing func setCloseOnExec(_ on: Bool) throws(SystemError) {
    _ = try SystemError.check(ipc_set_close_on_exec(number, on ? 1 : 0), "fcntl F_SETFD")
  }

  /// Whether reads and writes return EAGAIN instead of waiting. fcntl(2) with F_GETFL.
  public var isNonBlocking: Bool {
    get throws(SystemError) { try SystemError.check(ipc_is_non_blocking(number), "fcntl F_GETFL") == 1 }
  }

  /// Sets or clears O_NONBLOCK, for everyone who shares the open file. fcntl(2) with F_SETFL.
  public borrowing func setNonBlocking(_ on: Bool) throws(SystemError) {
    _ = try SystemError.check(ipc_set_non_blocking(number, on ? 1 : 0), "fcntl F_SETFL")
  }

  /// Whether it is a regular file. fstat(2).
  public var isRegularFile: Bool {
    get throws(SystemError) {
      var status = ipc_file_status()
      // The shim fills the structure and keeps no pointer.
      _ = try SystemError.check(unsafe ipc_status(number, &status), "fstat")
      return status.mode & S_IFMT == S_IFREG
    }
  }

  /// Whether it is a socket. fstat(2).
  public var isSocket: Bool {
    get throws(SystemError) { try SystemError.check(ipc_is_socket(number), "fstat") == 1 }
  }
}
