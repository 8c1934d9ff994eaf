// Memory files and mappings with arrays, which tests can compare.

import IPCKit

extension MemoryFile {
  /// A file of these bytes.
  init(_ contents: [UInt8]) throws(SystemError) {
    // Bytes seen as raw bytes, here and below.
    try self.init(named: "t", contents: unsafe contents.span.bytes)
  }

  borrowing func write(_ bytes: [UInt8], at offset: Int) throws(SystemError) {
    try unsafe write(bytes.span.bytes, at: offset)
  }

  /// Reads once, up to `count` bytes.
  borrowing func read(at offset: Int, _ count: Int) throws(SystemError) -> [UInt8] {
    var buffer = [UInt8](repeating: 0xff, count: count)
    var span = buffer.mutableSpan
    var bytes = unsafe span.mutableBytes
    let got = try read(at: offset, into: &bytes)
    return Array(buffer.prefix(got))
  }
}

extension MemoryMapping {
  mutating func copy(_ bytes: [UInt8], to offset: Int) { unsafe copy(bytes.span.bytes, to: offset) }

  borrowing func bytes(from offset: Int, _ count: Int) -> [UInt8] {
    var buffer = [UInt8](repeating: 0xff, count: count)
    var span = buffer.mutableSpan
    var bytes = unsafe span.mutableBytes
    copy(from: offset, into: &bytes)
    return buffer
  }
}
