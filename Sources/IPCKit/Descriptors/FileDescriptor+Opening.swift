// Files by their paths.

internal import CIPCShim
internal import Glibc

extension FileDescriptor {
  /// Opens a file: close-on-exec, and never the controlling terminal. open(2), repeated when a signal interrupts it.
  /// - Parameters:
  ///   - path: of the file.
  ///   - flags: O_RDONLY and the like.
  ///   - mode: of a file that is made.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  package init(
    opening path: String, _ flags: CInt, mode: UInt32 = 0, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) {
    // The path is a C string for the length of the call.
    try self.init(checking: unsafe ipc_open(path, flags, mode), "open", path, at: CallSite(fileID, line))
  }
}
