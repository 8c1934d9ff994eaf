// Sockets as a foreign program would make them, by the plain calls, for the library to meet.

import Glibc
import IPCKit

/// Two connected descriptors; a tuple cannot hold what cannot be copied.
struct Channel: ~Copyable {
  var left: FileDescriptor
  var right: FileDescriptor

  consuming func intoLeft() -> FileDescriptor { left }
}

/// A pair of sockets, or the ends of a pipe: what is written to the left comes out at the right.
func channel(throughSocket: Bool) throws -> Channel {
  guard !throughSocket else { return try socketPair() }
  let pipe = try Pipe()
  return Channel(left: pipe.writing, right: pipe.reading)
}

/// A connected pair of Unix sockets, close-on-exec and blocking.
func socketPair(_ type: __socket_type = SOCK_STREAM) throws -> Channel {
  var ends: [Int32] = [-1, -1]
  let flags = Int32(type.rawValue | SOCK_CLOEXEC.rawValue)
  // socketpair stores two numbers, nobody else's.
  guard unsafe socketpair(AF_UNIX, flags, 0, &ends) == 0 else {
    throw SystemError(errno: errno, operation: "socketpair")
  }
  return unsafe Channel(left: FileDescriptor(owning: ends[0]), right: FileDescriptor(owning: ends[1]))
}

/// A socket bound to `path`, and listening when a backlog is given.
func boundSocket(_ path: String, _ type: __socket_type = SOCK_STREAM, backlog: Int32? = nil) throws -> FileDescriptor {
  let number = socket(AF_UNIX, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
  guard number >= 0 else { throw SystemError(errno: errno, operation: "socket") }
  // socket just handed the number out.
  let socket = unsafe FileDescriptor(owning: number)
  let bound = unsafe withAddress(path) { unsafe bind(number, $0, $1) }
  guard bound == 0 else { throw SystemError(errno: errno, operation: "bind", object: path) }
  if let backlog { guard listen(number, backlog) == 0 else { throw SystemError(errno: errno, operation: "listen") } }
  return socket
}

/// Connects a non-blocking socket, so that a full backlog is EAGAIN.
func connectWithoutWaiting(_ path: String) throws -> FileDescriptor {
  let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
  guard number >= 0 else { throw SystemError(errno: errno, operation: "socket") }
  // socket just handed the number out.
  let socket = unsafe FileDescriptor(owning: number)
  let connected = unsafe withAddress(path) { unsafe connect(number, $0, $1) }
  guard connected == 0 else { throw SystemError(errno: errno, operation: "connect", object: path) }
  return socket
}

private func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  precondition(path.utf8.count < 108, "a path that fits")
  // sun_path is 108 bytes, all zero, and longer than the path.
  unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
  // A sockaddr_un is what a sockaddr of this family is.
  return unsafe withUnsafePointer(to: &address) { pointer in
    unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
    }
  }
}

/// Whether a client finds a listener at the path.
func isListening(_ path: String) -> Bool {
  failure { _ = try UnixStream(connectingTo: .path(path), deadline: .after(.seconds(60))) } == nil
}

/// How a signal is handled and whether one waits, told by the kernel.
func isSignalPending(_ signal: Int32) -> Bool {
  var set = sigset_t()
  // Both fill or read the set alone.
  return unsafe sigpending(&set) == 0 && sigismember(&set, signal) == 1
}

/// The processor time that this thread has used, in seconds.
func threadProcessorTime() -> Double {
  var time = timespec()
  // clock_gettime fills the structure.
  unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Blocks a signal for this thread.
func blockSignal(_ signal: Int32) throws {
  var set = sigset_t()
  // The three calls fill or read the set alone.
  unsafe sigemptyset(&set)
  unsafe sigaddset(&set, signal)
  guard unsafe pthread_sigmask(SIG_BLOCK, &set, nil) == 0 else { throw SystemError(errno: EINVAL, operation: "mask") }
}

/// Reads once, up to `count` bytes.
func readOnce(_ descriptor: borrowing FileDescriptor, _ count: Int) throws(SystemError) -> [UInt8] {
  var buffer = [UInt8](repeating: 0, count: count)
  var span = buffer.mutableSpan
  // Bytes seen as raw bytes.
  var bytes = unsafe span.mutableBytes
  let got = try descriptor.read(into: &bytes)
  return Array(buffer.prefix(got))
}

/// A view as text; nil as nil.
func text(_ view: RawSpan?) -> String? {
  guard let view else { return nil }
  // The view is valid here, and the string copies it.
  return unsafe view.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
}
