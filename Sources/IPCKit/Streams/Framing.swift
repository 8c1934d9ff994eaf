// Where one message ends and the next begins, on a stream that knows only bytes.

/// How a stream of bytes is cut into frames. A reader, a connection and a reply handler all take the same.
///
/// ```swift
/// var reader = BufferedReader(descriptor)
/// while let frame = try reader.nextFrame(.lengthPrefixed(by: 4, .bigEndian)) { count += frame.byteCount }
/// ```
public struct Framing: Hashable, Sendable {
  /// The order of a length's bytes.
  public enum ByteOrder: Hashable, Sendable {
    /// The most significant byte first, as networks have it.
    case bigEndian
    /// The least significant byte first, as most processors have it.
    case littleEndian
  }

  enum Kind: Hashable, Sendable {
    case delimiter(UInt8)
    case length(width: Int, ByteOrder)
    case raw
  }

  let kind: Kind

  /// Frames that end with a newline, which is no part of them. The last one needs none.
  public static let line = Framing(kind: .delimiter(UInt8(ascii: "\n")))

  /// Frames that end with `delimiter`, which is no part of them. The last one needs none.
  public static func delimited(by delimiter: UInt8) -> Framing { Framing(kind: .delimiter(delimiter)) }

  /// Frames after their length, an unsigned number of `width` bytes that does not count itself.
  /// - Precondition: `width` is 1, 2, 4 or 8.
  public static func lengthPrefixed(by width: Int, _ order: ByteOrder) -> Framing {
    precondition([1, 2, 4, 8].contains(width), "a length has 1, 2, 4 or 8 bytes")
    return Framing(kind: .length(width: width, order))
  }

  /// How many bytes a buffer needs for a frame of the longest length that is allowed, and to see that one is longer.
  func room(for limit: Int) -> Int {
    let more: Int =
      switch kind {
      case .delimiter, .raw: 1
      case .length(let width, _): width
      }
    return limit > .max - more ? limit : limit + more
  }

  /// No frames: whatever has come, at least one byte.
  public static let raw = Framing(kind: .raw)
}

/// Where a frame stands among the bytes not yet read.
package struct FrameExtent {
  /// Bytes before it that are no part of it: its length.
  package let prefix: Int
  /// Its own bytes.
  package let count: Int
  /// Bytes after it that are no part of it: its delimiter.
  package let suffix: Int
}
