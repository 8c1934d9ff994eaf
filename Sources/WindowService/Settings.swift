// Where settings come from, lowest first: the defaults, the file, messages for all windows, messages for one window.

internal import FoundationEssentials
internal import IPCKit

/// The layers of settings of a running daemon.
package struct Settings: Sendable {
  private var file: [Setting] = []
  private var messages: [Setting] = []

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
    let changed = (reset ? [] : messages) + (try Self.parse(options))
    effective = try Configuration().applying(file).applying(changed)
    messages = Self.withoutRepeats(changed)
  }

  /// The settings in a message.
  package static func parse(_ options: [String]) throws(ConfigurationError) -> [Setting] {
    var settings: [Setting] = []
    for option in options { settings.append(try Setting(option)) }
    return settings
  }

  /// The last of each key, so that messages without end do not pile up.
  package static func withoutRepeats(_ settings: [Setting]) -> [Setting] {
    var seen: Set<String> = []
    return settings.reversed().filter { seen.insert($0.key).inserted }.reversed()
  }
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
