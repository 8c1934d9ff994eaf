// A pipe, whose two ends are owned apart.

internal import CIPCShim

/// The two ends of a pipe, close-on-exec.
///
/// ```swift
/// let pipe = try Pipe()
/// let writing = pipe.writing
/// try writing.writeAll("hello\n")
/// try writing.close()
/// var reader = BufferedReader(pipe.reading)
/// let line = try reader.nextLine(as: String.self)
/// ```
///
/// Frozen, so that both ends can be moved out of it, each to an owner of its own.
@frozen public struct Pipe: ~Copyable, Sendable {
  /// What was written comes out here.
  public var reading: FileDescriptor
  /// Closing every copy of it is the end of the file at the other end.
  public var writing: FileDescriptor

  /// Makes a pipe. pipe2(2) with O_CLOEXEC.
  /// - Parameters:
  ///   - nonBlocking: whether both ends return EAGAIN instead of waiting.
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Throws: EMFILE, ENFILE.
  public init(
    nonBlocking: Bool = false, fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) {
    let site = CallSite(fileID, line)
    var ends: (CInt, CInt) = (-1, -1)
    // The shim fills exactly two integers, which is what the tuple is.
    let result = unsafe withUnsafeMutablePointer(to: &ends) {
      unsafe $0.withMemoryRebound(to: CInt.self, capacity: 2) { unsafe ipc_pipe($0, nonBlocking ? 1 : 0) }
    }
    _ = try SystemError.check(result, "pipe2")
    // The kernel just handed both numbers out, to nobody else.
    reading = unsafe FileDescriptor(owning: ends.0, at: site)
    writing = unsafe FileDescriptor(owning: ends.1, at: site)
  }
}
