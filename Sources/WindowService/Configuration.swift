// Settings: what they mean, which values they take, and the lines of the file they come from.

internal import Glibc
package import IPCKit

/// A setting that cannot be, and why.
package struct ConfigurationError: Error, Hashable, CustomStringConvertible {
  package let description: String
}

/// One `key=value`.
package struct Setting: Hashable, Sendable {
  package let key: String
  package let value: String

  /// As messages have it.
  var text: String { "\(key)=\(value)" }

  /// Reads `key=value`, as messages have it; spaces around either are no part of them.
  package init(_ text: String) throws(ConfigurationError) {
    // Among the bytes: a value may begin with a mark that combines with the sign.
    guard let sign = text.utf8.firstIndex(of: UInt8(ascii: "=")) else {
      throw ConfigurationError(description: "'\(text)' is not of the form key=value")
    }
    key = text[..<sign].trimmed
    value = text[text.utf8.index(after: sign)...].trimmed
    guard !key.isEmpty else { throw ConfigurationError(description: "'\(text)' has no key") }
  }
}

/// What windowd goes by: defaults, changed by settings in their order.
package struct Configuration: Hashable, Sendable {
  /// The program of a window that names none; nil for the user's login shell.
  package var shell: String?
  /// How many bytes of output each window keeps.
  package var scrollback = 256 * 1024
  /// How large a terminal is at first.
  package var size = Terminal.Size(columns: 80, rows: 24)
  /// How many windows there may be.
  package var maximumWindows = 1000
  /// How long a child has to end after the hang-up before it is killed.
  package var hangUpGrace = 3
  /// How long a program may take to start.
  package var startTimeout = 30
  /// Settings that mean something to other programs: kept, and given back.
  package private(set) var others: [String: String] = [:]

  package init() {}

  /// The keys that mean something here.
  package static let keys: Set<String> = [
    "shell", "scrollback", "size", "max-windows", "hang-up-grace", "start-timeout",
  ]

  /// These settings on top.
  package func applying(_ settings: [Setting]) throws(ConfigurationError) -> Configuration {
    var changed = self
    for setting in settings { try changed.apply(setting) }
    return changed
  }

  private mutating func apply(_ setting: Setting) throws(ConfigurationError) {
    switch setting.key {
    case "shell": shell = setting.value.isEmpty ? nil : setting.value
    case "scrollback": scrollback = try setting.number(in: 4096...16 << 20)
    case "size": size = try setting.size()
    case "max-windows": maximumWindows = try setting.number(in: 1...100_000)
    case "hang-up-grace": hangUpGrace = try setting.number(in: 0...3600)
    case "start-timeout": startTimeout = try setting.number(in: 1...3600)
    default: others[setting.key] = setting.value
    }
  }

  /// Reads a file's text: a setting a line, `#` before comments, empty lines ignored.
  package static func parse(_ text: String) throws(ConfigurationError) -> [Setting] {
    var settings: [Setting] = []
    // A carriage return and a line feed are one character.
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    for (index, line) in lines.enumerated() {
      let content = line.trimmed
      guard !content.isEmpty, content.utf8.first != UInt8(ascii: "#") else { continue }
      do throws(ConfigurationError) {
        let setting = try Setting(content)
        _ = try Configuration().applying([setting])
        settings.append(setting)
      } catch {
        throw ConfigurationError(description: "line \(index + 1): \(error)")
      }
    }
    return settings
  }
}

extension Setting {
  fileprivate func number(in range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
    guard let number = Int(value), range.contains(number) else {
      let bounds = "from \(range.lowerBound) to \(range.upperBound)"
      throw ConfigurationError(description: "\(key): '\(value)' is not a number \(bounds)")
    }
    return number
  }

  fileprivate func size() throws(ConfigurationError) -> Terminal.Size {
    let parts = value.split(separator: "x", omittingEmptySubsequences: false).map { UInt16($0) ?? 0 }
    guard parts.count == 2, parts.allSatisfy({ $0 > 0 }) else {
      throw ConfigurationError(description: "\(key): '\(value)' is not of the form 80x24")
    }
    return Terminal.Size(columns: parts[0], rows: parts[1])
  }
}

extension Substring {
  /// Without spaces and tabs at either end; among the bytes, as a mark may combine with one.
  fileprivate var trimmed: String {
    let isSpace: (UInt8) -> Bool = { [0x20, 0x09, 0x0D].contains($0) }
    let rest = utf8.drop(while: isSpace)
    let end = rest.lastIndex { !isSpace($0) }.map { rest.index(after: $0) } ?? rest.startIndex
    return String(Substring(rest[..<end]))
  }
}
