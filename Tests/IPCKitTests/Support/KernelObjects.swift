// Descriptors of kinds that Swift's Glibc cannot make, for a loop to watch.

import Glibc
import IPCKit

/// eventfd(2), close-on-exec, at zero.
func eventCounter() throws -> FileDescriptor {
  typealias Function = @convention(c) (UInt32, Int32) -> Int32
  return try unsafe adopt("eventfd") { symbol in
    // The symbol is eventfd's, whose type this is; EFD_CLOEXEC is O_CLOEXEC.
    unsafe unsafeBitCast(symbol, to: Function.self)(0, O_CLOEXEC)
  }
}

/// pidfd_open(2).
func processDescriptor(_ process: pid_t) throws -> FileDescriptor {
  typealias Function = @convention(c) (pid_t, UInt32) -> Int32
  return try unsafe adopt("pidfd_open") { symbol in
    // The symbol is pidfd_open's, whose type this is.
    unsafe unsafeBitCast(symbol, to: Function.self)(process, 0)
  }
}

private func adopt(_ name: String, _ call: (UnsafeMutableRawPointer) -> Int32) throws -> FileDescriptor {
  guard let symbol = unsafe dlsym(nil, name) else { throw SystemError(errno: ENOSYS, operation: name) }
  let number = unsafe call(symbol)
  guard number >= 0 else { throw SystemError(errno: errno, operation: name) }
  // The call just handed the number out.
  return unsafe FileDescriptor(owning: number)
}

/// Adds one to an eventfd.
func count(_ counter: borrowing FileDescriptor) throws {
  var one: UInt64 = 1
  // Eight bytes, which is what an eventfd takes.
  try unsafe withUnsafeBytes(of: &one) { unsafe _ = try counter.write($0.bytes) }
}
