// What the shim's tests share: descriptors here are bare numbers, because nothing owns them yet at this level.

import CIPCShim
import Glibc
import Testing

/// Closes the numbers that are not negative.
func closeAll(_ numbers: Int32...) {
  for number in numbers where number >= 0 { close(number) }
}

/// Two numbers from a call that fills an array of two; nil when it failed.
func pair(_ call: (UnsafeMutablePointer<Int32>) -> Int32) -> (Int32, Int32)? {
  var ends: [Int32] = [-1, -1]
  // The call fills exactly two numbers.
  let result = unsafe ends.withUnsafeMutableBufferPointer { buffer in
    unsafe buffer.baseAddress.map { unsafe call($0) } ?? -1
  }
  return result == 0 ? (ends[0], ends[1]) : nil
}

func makePipe(nonBlocking: Bool = false) throws -> (Int32, Int32) {
  try #require(unsafe pair { unsafe ipc_pipe($0, nonBlocking ? 1 : 0) })
}

func makeSocketPair(_ type: Int32 = IPC_STREAM, nonBlocking: Bool = false) throws -> (Int32, Int32) {
  try #require(unsafe pair { unsafe ipc_socket_pair(type, nonBlocking ? 1 : 0, $0) })
}

/// ipc_bind of a path, or of a name behind a NUL.
func bind(_ socket: Int32, _ address: String, _ mode: UInt32 = 0o600) -> Int32 {
  let bytes = Array(address.utf8)
  // The shim reads as many bytes as it is told, here and below.
  return unsafe ipc_bind(socket, bytes, bytes.count, mode)
}

/// ipc_connect to a path, or to a name behind a NUL.
func connect(_ socket: Int32, _ address: String) -> Int32 {
  let bytes = Array(address.utf8)
  return unsafe ipc_connect(socket, bytes, bytes.count)
}

func write(_ text: String, to number: Int32) -> Int64 {
  var text = text
  // The bytes are valid for the length of the call.
  return text.withUTF8 { bytes in
    unsafe bytes.baseAddress.map { unsafe ipc_write_without_signal(number, $0, bytes.count) } ?? 0
  }
}

/// Reads once; the text, or the negated errno.
func readText(_ number: Int32, _ count: Int = 4096) -> (Int64, String) {
  var buffer = [UInt8](repeating: 0, count: count)
  // The shim writes within the bounds that it is given.
  let got = unsafe buffer.withUnsafeMutableBytes { bytes in
    unsafe bytes.baseAddress.map { unsafe ipc_read(number, $0, count) } ?? 0
  }
  return (got, String(decoding: buffer.prefix(max(0, Int(got))), as: UTF8.self))
}

/// Reads until the end, or EIO of a terminal.
func readAll(_ number: Int32) -> String {
  var text = ""
  while true {
    let (got, part) = readText(number)
    if got == -Int64(EAGAIN) { _ = ipc_poll(number, IPC_READABLE, 20_000_000_000) } else if got <= 0 { return text }
    text += part
  }
}

/// A new directory; its maker removes it with ``removeDirectory(_:)``.
func makeDirectory() throws -> String {
  var template = Array("/tmp/ipcshim-XXXXXX".utf8CString)
  // mkdtemp changes the six last characters in place.
  try #require(unsafe mkdtemp(&template) != nil)
  return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Removes a directory and the named entries in it.
func removeDirectory(_ path: String, _ names: String...) {
  for name in names { if unsafe unlink("\(path)/\(name)") != 0 { unsafe _ = rmdir("\(path)/\(name)") } }
  unsafe _ = rmdir(path)
}

/// Whether a signal waits to be delivered.
func isPending(_ signal: Int32) -> Bool {
  var set = sigset_t()
  // Both fill or read the set alone.
  return unsafe sigpending(&set) == 0 && sigismember(&set, signal) == 1
}

/// Blocks a signal for this thread.
func block(_ signal: Int32) {
  var set = sigset_t()
  // Each fills or reads the set alone.
  unsafe sigemptyset(&set)
  unsafe sigaddset(&set, signal)
  unsafe _ = pthread_sigmask(SIG_BLOCK, &set, nil)
}

/// The same for an array of them.
func closeAll(_ numbers: [Int32]) {
  for number in numbers where number >= 0 { close(number) }
}
