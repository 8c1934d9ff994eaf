// Where settings come from, lowest first: the defaults, the file, messages for all windows, messages for one window.

internal import FoundationEssentials
internal import IPCKit

/// The layers of settings of a running daemon.
package struct Settings: Sendable {
  private var file: [Setting] = []
  private(set) var messages: [Setting] = []

  /// What holds for all windows.
  package private(set) var effective = Configuration()

  package init() {}

  /// Replaces the file's settings.
  package mutating func setFile(_ settings: [Setting]) throws(ConfigurationError) {
    effective = try Configuration().applying(settings).applying(messages)
    file = settings
  }

  /// Adds a message's settings for all windows; nothing changes when one of them is wrong.
  package mutating func change(_ options: [String], reset: Bool) throws(ConfigurationError) {
    let changed = try Self.bounded((reset ? [] : messages) + (try Self.parse(options)))
    effective = try Configuration().applying(file).applying(changed)
    messages = changed
  }

  /// The settings in a message.
  package static func parse(_ options: [String]) throws(ConfigurationError) -> [Setting] {
    var settings: [Setting] = []
    for option in options { settings.append(try Setting(option)) }
    return settings
  }

  /// The settings in a message for one window, for which those of the whole daemon make no sense.
  package static func parseForWindow(_ options: [String]) throws(ConfigurationError) -> [Setting] {
    let settings = try parse(options)
    if let wrong = settings.first(where: { ["max-windows", "hang-up-grace"].contains($0.key) }) {
      throw ConfigurationError(description: "\(wrong.key) is a setting for all windows, not for one")
    }
    return settings
  }

  /// The last of each key, and not more of them than anyone needs: what messages add up to must not grow without end.
  package static func bounded(_ settings: [Setting]) throws(ConfigurationError) -> [Setting] {
    var seen: Set<String> = []
    let kept = Array(settings.reversed().filter { seen.insert($0.key).inserted }.reversed())
    let size = kept.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    guard kept.count <= mostSettings, size <= mostBytes else {
      throw ConfigurationError(description: "more than \(mostSettings) settings, or than \(mostBytes) bytes of them")
    }
    return kept
  }

  private static let mostSettings = 256
  private static let mostBytes = 65_536
}

extension Configuration: Encodable {
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// An object with all settings under the keys that change them.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    for (key, value) in others { try container.encode(value, forKey: Key(stringValue: key)) }
    try container.encode(shell ?? "", forKey: Key(stringValue: "shell"))
    try container.encode(scrollback, forKey: Key(stringValue: "scrollback"))
    try container.encode("\(size.columns)x\(size.rows)", forKey: Key(stringValue: "size"))
    try container.encode(maximumWindows, forKey: Key(stringValue: "max-windows"))
    try container.encode(hangUpGrace, forKey: Key(stringValue: "hang-up-grace"))
    try container.encode(startTimeout, forKey: Key(stringValue: "start-timeout"))
  }
}
