// The files of /proc, which have no size before they are read.

internal import Glibc
package import IPCKit

/// A file in a process's directory of /proc.
package enum ProcessFile {
  /// All of /proc/PID/NAME. open(2), read(2).
  /// - Throws: ENOENT when there is no such process, EACCES; ESRCH when it has gone meanwhile.
  package static func contents(_ name: String, of processID: Int32) throws(SystemError) -> [UInt8] {
    try contents(of: "/proc/\(processID)/\(name)")
  }

  /// All of a file, a regular one included.
  package static func contents(of path: String) throws(SystemError) -> [UInt8] {
    // The path is a C string for the length of the call.
    let number = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { throw SystemError(errno: errno, operation: "open", object: path) }
    // open just handed the number out.
    let file = unsafe FileDescriptor(owning: number)
    var contents: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      var span = buffer.mutableSpan
      // Bytes seen as raw bytes: nothing is reinterpreted.
      var bytes = unsafe span.mutableBytes
      let count = try file.read(into: &bytes)
      if count == 0 { return contents }
      contents.append(contentsOf: buffer[..<count])
    }
  }

  /// As text; nil when it cannot be read.
  package static func text(_ name: String, of processID: Int32) -> String? {
    (try? contents(name, of: processID)).map { String(decoding: $0, as: UTF8.self) }
  }
}
