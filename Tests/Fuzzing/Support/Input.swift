// The bytes of one input: contents from the front, choices from the back, so that a text stays a text whatever is chosen.

struct Input {
  private var bytes: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

  var isEmpty: Bool { bytes.isEmpty }

  /// One of `count` numbers from 0 on; 0 when there is nothing left to choose by.
  mutating func choice(_ count: Int) -> Int {
    var number = Int(bytes.popLast() ?? 0)
    if count > 256 { number = number << 8 | Int(bytes.popLast() ?? 0) }
    return number % count
  }

  mutating func choice() -> Bool { choice(2) == 1 }

  /// The next bytes, as many as there are at most.
  mutating func take(_ count: Int) -> [UInt8] {
    let taken = bytes.prefix(count)
    bytes = bytes.dropFirst(count)
    return Array(taken)
  }

  /// The next bytes up to a newline, which goes with them.
  mutating func takeLine() -> [UInt8] {
    let line = Array(bytes.prefix { $0 != UInt8(ascii: "\n") })
    bytes = bytes.dropFirst(line.count + 1)
    return line
  }

  mutating func rest() -> [UInt8] {
    defer { bytes = [] }
    return Array(bytes)
  }
}
