// A failed system call, told so that the sentence alone says what to do: which call, on what, and why not.

internal import CIPCShim
internal import Glibc

/// A system call that failed: the operation, what it was done to, and the kernel's reason.
///
/// Its description reads as a sentence: `bind /run/user/1000/windowd.sock: Address already in use`.
///
/// ```swift
/// func bind() throws(SystemError) -> UnixListener? {
///   do throws(SystemError) {
///     return try UnixListener(binding: "/run/user/1000/example.sock")
///   } catch where error.errno == SystemError.addressInUse {
///     return nil
///   }
/// }
/// ```
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kernel's reason, one of errno(3)'s numbers.
  public let errno: CInt
  /// The operation that failed, mostly the system call's name.
  public let operation: String
  /// What it was done to, such as a path; nil where there is nothing to name.
  public let object: String?

  /// Makes an error from its parts; `errno` is one of errno(3)'s numbers, not negated.
  public init(errno: CInt, operation: String, object: String? = nil) {
    self.errno = errno
    self.operation = operation
    self.object = object
  }

  /// The operation, the object and the kernel's words for the reason, as strerror(3) has them.
  public var description: String {
    // strerror's answer is a constant of the C library or, for an unknown number, the thread's own buffer.
    let reason = unsafe String(cString: strerror(errno))
    return object.map { "\(operation) \($0): \(reason)" } ?? "\(operation): \(reason)"
  }

  /// EADDRINUSE: somebody listens there already.
  public static var addressInUse: CInt { EADDRINUSE }
  /// ECONNREFUSED: nobody listens there.
  public static var connectionRefused: CInt { ECONNREFUSED }
  /// ENOENT: there is no such file.
  public static var noSuchFile: CInt { ENOENT }
  /// EPIPE: the reader is gone.
  public static var brokenPipe: CInt { EPIPE }
  /// EMFILE: this process may have no more descriptors.
  public static var tooManyDescriptors: CInt { EMFILE }
}

extension SystemError {
  /// A shim's answer as a result: a negated errno becomes the error, whose words are made on that path alone.
  @inline(__always)
  package static func check<Result: SignedInteger & FixedWidthInteger>(
    _ result: Result, _ operation: StaticString, _ object: @autoclosure () -> String? = nil
  ) throws(SystemError) -> Result {
    guard result < 0 else { return result }
    throw SystemError(errno: CInt(-result), operation: "\(operation)", object: object())
  }
}
