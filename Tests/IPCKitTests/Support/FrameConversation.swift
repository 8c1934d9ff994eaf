// A stream of frames and descriptors between two ends of one test.

import IPCKit

/// A reader, what writes to it, and what was read from it.
final class FrameConversation {
  private static let soon = Duration.seconds(60)

  let sending: FileDescriptor
  var reader: BufferedReader

  init(limit: Int = 2, capacity: Int = 1 << 16) throws {
    let pair = try socketPair()
    sending = pair.left
    reader = BufferedReader(pair.right, limit: 1 << 20, capacity: capacity, descriptorLimit: limit)
  }

  /// The next frame as text.
  func frame(_ framing: Framing) throws -> String? { try Self.frame(&reader, framing) }

  // Of a reader that is borrowed for the call, since a view cannot leave an access to a class's own.
  private static func frame(_ reader: inout BufferedReader, _ framing: Framing) throws -> String? {
    text(try reader.nextFrame(framing, deadline: .after(soon)))
  }

  /// Exactly so many bytes as text.
  func next(_ count: Int) throws -> String? { try Self.next(&reader, count) }

  private static func next(_ reader: inout BufferedReader, _ count: Int) throws -> String? {
    text(try reader.next(exactly: count, deadline: .after(soon)))
  }

  /// The next line and what came with it.
  func line() throws -> String {
    let line = try reader.nextLine(as: String.self, deadline: .after(Self.soon)) ?? "end"
    return ([line] + names(of: reader.takeDescriptors())).joined(separator: " ")
  }
}
