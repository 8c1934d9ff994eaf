// What execve(2) takes: arrays of C strings that end with a null pointer, all of it in place before the child exists.

internal import Glibc

/// C strings in one block of memory, and pointers to them.
struct CStringArray {
  private var bytes: [CChar] = []
  private var offsets: [Int?] = []

  /// Adds a string; what follows a NUL in it would not be seen.
  mutating func append(_ text: some Sequence<UInt8>) {
    offsets.append(bytes.count)
    bytes.append(contentsOf: text.lazy.map { CChar(bitPattern: $0) })
    bytes.append(0)
  }

  /// Adds a null pointer where the child needs a spare entry.
  mutating func appendSpare() { offsets.append(nil) }

  /// Lends the array, ended by a null pointer, for the length of the call.
  mutating func withPointers<Result, Failure: Error>(
    _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let offsets = offsets
    return try unsafe bytes.withUnsafeMutableBufferPointer { (buffer) throws(Failure) in
      // Each offset is a place in the buffer.
      let base = buffer.baseAddress
      var pointers = unsafe offsets.map { unsafe Self.place($0, in: base) }
      unsafe pointers.append(nil)
      return try unsafe pointers.withUnsafeMutableBufferPointer { (pointers) throws(Failure) in
        guard let start = pointers.baseAddress else { preconditionFailure("an array of one or more has an address") }
        return try unsafe body(start)
      }
    }
  }

  private static func place(
    _ offset: Int?, in base: UnsafeMutablePointer<CChar>?
  ) -> UnsafeMutablePointer<CChar>? {
    guard let offset, let base = unsafe base else { return nil }
    return unsafe base + offset
  }
}
