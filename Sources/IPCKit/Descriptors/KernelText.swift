// Files that are read whole: those of /proc have no size before that.

internal import Glibc

/// A file whose text the kernel makes while it is read, or any other small one.
package enum KernelText {
  /// All of it. open(2), read(2).
  /// - Throws: ENOENT, EACCES; ESRCH when its process has gone.
  package static func contents(of path: String) throws(SystemError) -> [UInt8] {
    let file = try FileDescriptor(opening: path, O_RDONLY)
    var contents: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      var span = buffer.mutableSpan
      // Bytes seen as raw bytes: nothing is reinterpreted.
      var bytes = unsafe span.mutableBytes
      let count = try file.read(into: &bytes)
      if count == 0 { return contents }
      contents.append(contentsOf: buffer[..<count])
    }
  }

  /// The same as text; nil when it cannot be read.
  package static func text(of path: String) -> String? {
    (try? contents(of: path)).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Where a link of /proc leads; nil when it is gone or out of reach. readlink(2).
  static func link(_ path: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    // readlink stores at most as many bytes as it is told.
    let length = unsafe buffer.withUnsafeMutableBytes { buffer in
      unsafe buffer.baseAddress.map { unsafe readlink(path, $0.assumingMemoryBound(to: CChar.self), buffer.count) }
        ?? -1
    }
    return length < 0 ? nil : String(decoding: buffer[..<length], as: UTF8.self)
  }
}
