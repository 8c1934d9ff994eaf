// Where one message ends and the next begins, on a stream that knows only bytes.

internal import Glibc

/// How a stream of bytes is cut into frames. A reader, a connection and a reply handler all take the same.
///
/// ```swift
/// func size(of descriptor: consuming FileDescriptor) throws(IPCError) -> Int {
///   var reader = BufferedReader(descriptor)
///   var size = 0
///   while let frame = try reader.nextFrame(.lengthPrefixed(by: 4, .bigEndian)) { size += frame.byteCount }
///   return size
/// }
/// ```
public struct Framing: Hashable, Sendable {
  /// The order of a length's bytes.
  @frozen public enum ByteOrder: Hashable, Sendable {
    /// The most significant byte first, as networks have it.
    case bigEndian
    /// The least significant byte first, as most processors have it.
    case littleEndian
  }

  enum Kind: Hashable, Sendable {
    case delimiter(UInt8)
    case length(width: UInt8, ByteOrder)
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
    return Framing(kind: .length(width: UInt8(width), order))
  }

  /// How many bytes a buffer needs for a frame of the longest length that is allowed, and to see that one is longer.
  func room(for limit: Int) -> Int {
    let more: Int =
      switch kind {
      case .delimiter, .raw: 1
      case .length(let width, _): Int(width)
      }
    return limit > .max - more ? limit : limit + more
  }

  /// No frames: whatever has come, at least one byte.
  public static let raw = Framing(kind: .raw)
}

extension Framing {
  /// Where the first frame of `count` bytes stands; nil while it has not come as a whole.
  /// - Parameter searched: how many of the first bytes are known to hold no delimiter; brought up to date.
  /// - Throws: ``PeerError/frameTooLong(limit:received:)``, whether its end has come or not.
  @inline(__always)
  @unsafe func firstFrame(
    in base: UnsafeRawPointer, _ count: Int, searched: inout Int, limit: Int
  ) throws(IPCError) -> FrameExtent? {
    guard case .delimiter(let delimiter) = kind else { return unsafe try firstFrame(in: base, count, limit) }
    // memchr(3) looks at 32 bytes a step, a loop at one; it stays within the bytes that were not searched yet.
    guard let hit = unsafe memchr(base + searched, CInt(delimiter), count &- searched) else {
      searched = count
      if count > limit { throw Self.tooLong(count, limit) }
      return nil
    }
    let length = unsafe UnsafeRawPointer(hit) - base
    if length > limit { throw Self.tooLong(length, limit) }
    return FrameExtent(prefix: 0, count: length, suffix: 1)
  }

  @inline(never)
  private static func tooLong(_ count: Int, _ limit: Int) -> IPCError {
    .peer(.frameTooLong(limit: limit, received: count))
  }

  /// The same where no delimiter ends a frame.
  @inline(never)
  @unsafe private func firstFrame(
    in base: UnsafeRawPointer, _ count: Int, _ limit: Int
  ) throws(IPCError) -> FrameExtent? {
    guard case .length(let width, let order) = kind else {
      return count == 0 ? nil : FrameExtent(prefix: 0, count: min(count, limit), suffix: 0)
    }
    return unsafe try prefixedFrame(in: base, count, Int(width), order, limit)
  }

  @unsafe private func prefixedFrame(
    in base: UnsafeRawPointer, _ count: Int, _ width: Int, _ order: ByteOrder, _ limit: Int
  ) throws(IPCError) -> FrameExtent? {
    guard count >= width else { return nil }
    let promised = unsafe Self.length(in: base, width, order)
    // Refused by its promise: nobody waits for what will not be taken.
    guard promised <= UInt64(limit) else {
      throw .peer(.frameTooLong(limit: limit, received: Int(clamping: promised)))
    }
    let length = Int(promised)
    return count - width < length ? nil : FrameExtent(prefix: width, count: length, suffix: 0)
  }

  /// What is left when no more bytes will come; nil when nothing is.
  /// - Throws: ``PeerError/frameCutOff(expected:received:)`` where a length has promised more.
  @unsafe func lastFrame(in base: UnsafeRawPointer, _ count: Int) throws(IPCError) -> FrameExtent? {
    guard count > 0 else { return nil }
    guard case .length(let width, let order) = kind else { return FrameExtent(prefix: 0, count: count, suffix: 0) }
    let prefix = Int(width)
    guard count >= prefix else { throw .peer(.frameCutOff(expected: prefix, received: count)) }
    let promised = unsafe Self.length(in: base, prefix, order)
    throw .peer(.frameCutOff(expected: Int(clamping: promised), received: count - prefix))
  }

  /// The number in the first `width` bytes, which are there.
  @unsafe private static func length(in base: UnsafeRawPointer, _ width: Int, _ order: ByteOrder) -> UInt64 {
    var number: UInt64 = 0
    for offset in 0..<width {
      let place = order == .bigEndian ? offset : width - 1 - offset
      number = number << 8 | UInt64(unsafe base.load(fromByteOffset: place, as: UInt8.self))
    }
    return number
  }
}

/// Where a frame stands among the bytes not yet read.
package struct FrameExtent {
  /// Bytes before it that are no part of it: its length.
  package let prefix: Int
  /// Its own bytes.
  package let count: Int
  /// Bytes after it that are no part of it: its delimiter.
  package let suffix: Int

  /// All that belongs to it.
  var total: Int { prefix &+ count &+ suffix }
}
