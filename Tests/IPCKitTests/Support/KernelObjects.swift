// What Swift's Glibc cannot ask of the kernel, and the environment.

import Glibc
import IPCKit

/// Takes a lease on a file that only this descriptor has open; false where its file system has none.
func takeLease(on file: borrowing FileDescriptor) -> Bool {
  typealias Function = @convention(c) (Int32, Int32, Int) -> Int32
  // fcntl(2)'s F_SETSIG and F_SETLEASE, which Swift's Glibc lacks; the symbol is fcntl's, called with an integer.
  guard let symbol = unsafe dlsym(nil, "fcntl") else { return false }
  let control = unsafe unsafeBitCast(symbol, to: Function.self)
  let (setSignal, setLease) = (Int32(10), Int32(1024))
  // The signal that asks for the lease back must not end this process: SIGURG is ignored by default.
  return unsafe file.withUnsafeNumber {
    control($0, setSignal, Int(SIGURG)) == 0 && control($0, setLease, Int(F_WRLCK)) == 0
  }
}

/// setenv(3).
func setVariable(_ name: String, _ value: String) throws { try setVariable(name, Array(value.utf8)) }

/// setenv(3), with any bytes.
func setVariable(_ name: String, _ value: [UInt8]) throws {
  let text = value.map { CChar(bitPattern: $0) } + [0]
  // Both are C strings for the length of the call.
  guard unsafe setenv(name, text, 1) == 0 else { throw SystemError(errno: errno, operation: "setenv", object: name) }
}

/// Whether a signal is ignored by this process, told by the kernel: SigIgn of proc(5)'s status.
func isIgnored(_ signal: Int32) throws -> Bool {
  let lines = try contents(of: "/proc/self/status").split(separator: "\n")
  let mask = lines.first { $0.hasPrefix("SigIgn:") }?.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) }
  return (mask ?? 0) & 1 << UInt64(signal - 1) != 0
}
