// Messages to bytes and back: JSON without spaces, one line each.

internal import FoundationEssentials

/// The form of messages on the wire.
package enum WireFormat {
  /// The longest message in bytes, in either direction but for what a window printed.
  package static let messageLimit = 1 << 20
  /// The longest reply: a ring of output at its largest, with every byte escaped.
  package static let replyLimit = 1 << 28

  private static let decoder = JSONDecoder()
  private static let encoder = {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }()

  /// A message and its newline.
  package static func line(_ message: some Encodable) throws -> [UInt8] {
    var line = Array(try encoder.encode(message))
    line.append(UInt8(ascii: "\n"))
    return line
  }

  /// The message in a line.
  package static func decode<Message: Decodable>(_ type: Message.Type, from line: [UInt8]) throws -> Message {
    try decoder.decode(type, from: Data(line))
  }
}
