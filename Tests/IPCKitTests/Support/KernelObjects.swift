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

/// timerfd_create(2) and timerfd_settime(2): a timer that expires once, after so many nanoseconds.
func timer(after nanoseconds: Int) throws -> FileDescriptor {
  typealias Creating = @convention(c) (Int32, Int32) -> Int32
  typealias Setting =
    @convention(c) (Int32, Int32, UnsafePointer<itimerspec>, UnsafeMutablePointer<itimerspec>?) -> Int32
  let timer = try unsafe adopt("timerfd_create") { symbol in
    // The symbol is timerfd_create's, whose type this is; TFD_CLOEXEC is O_CLOEXEC, TFD_NONBLOCK O_NONBLOCK.
    unsafe unsafeBitCast(symbol, to: Creating.self)(CLOCK_MONOTONIC, O_CLOEXEC | O_NONBLOCK)
  }
  guard let symbol = unsafe dlsym(nil, "timerfd_settime") else {
    throw SystemError(errno: ENOSYS, operation: "timerfd_settime")
  }
  let moment = itimerspec(it_interval: timespec(), it_value: timespec(tv_sec: 0, tv_nsec: nanoseconds))
  // The symbol is timerfd_settime's, whose type this is.
  let result = unsafe withUnsafePointer(to: moment) { moment in
    unsafe timer.withUnsafeNumber { unsafe unsafeBitCast(symbol, to: Setting.self)($0, 0, moment, nil) }
  }
  guard result == 0 else { throw SystemError(errno: errno, operation: "timerfd_settime") }
  return timer
}

/// signalfd(2) for one signal, which this thread does not take any other way from now on.
func signals(_ signal: Int32) throws -> FileDescriptor {
  typealias Function = @convention(c) (Int32, UnsafePointer<sigset_t>, Int32) -> Int32
  var mask = sigset_t()
  // The set is this function's own.
  unsafe sigemptyset(&mask)
  unsafe sigaddset(&mask, signal)
  unsafe pthread_sigmask(SIG_BLOCK, &mask, nil)
  return try unsafe adopt("signalfd") { symbol in
    // The symbol is signalfd's, whose type this is; SFD_CLOEXEC is O_CLOEXEC, SFD_NONBLOCK O_NONBLOCK.
    unsafe withUnsafePointer(to: mask) {
      unsafe unsafeBitCast(symbol, to: Function.self)(-1, $0, O_CLOEXEC | O_NONBLOCK)
    }
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
