// What a shell offers for a window or a setting while somebody types: asked of the daemon that the command line means, in
// a moment, and nothing where there is none.

internal import ArgumentParser
internal import IPCKit
internal import TerminalText
internal import WindowProtocol

extension CompletionKind {
  /// The ids of the windows, with their titles.
  static var windows: CompletionKind {
    .custom { words, _, _ in
      let answer = Candidates.answer(Reply.Windows.self, to: .listWindows, words)
      return Candidates.lines(answer?.windows.map { ("\($0.id)", $0.title) })
    }
  }

  /// The settings that hold, to be changed.
  static var settings: CompletionKind {
    .custom { words, _, _ in
      let answer = Candidates.answer([String: [String: SettingValue]].self, to: .getConfig(window: nil), words)
      return Candidates.lines(answer?["config"]?.sorted { $0.key < $1.key }.map { ("\($0.key)=\($0.value.text)", "") })
    }
  }

  /// The programs that the shell knows.
  static var programs: CompletionKind {
    .shellCommand(ShellCandidate.programs(for: CompletionShell.requesting?.rawValue))
  }
}

/// How candidates are come by.
private enum Candidates {
  /// How many seconds a person waits for a daemon, at most.
  private static let patience = "0.5"

  /// The daemon's answer; nil where it has none.
  static func answer<Answer: Decodable>(_ type: Answer.Type, to request: Request, _ words: [String]) -> Answer? {
    do {
      let options = try options(in: words)
      let client = try Client(options, deadline: options.deadline(unlessGiven: nil))
      var connection = try client.connect()
      return try client.decode(type, from: try client.ask(request, over: &connection))
    } catch {
      // In the middle of somebody's typing there is nobody to tell.
      return nil
    }
  }

  static func lines(_ candidates: [(word: String, description: String)]?) -> [String] {
    let shell = CompletionShell.requesting?.rawValue
    return (candidates ?? []).compactMap { ShellCandidate.line($0.word, $0.description, for: shell) }
  }

  /// Which daemon the words mean.
  private static func options(in words: [String]) throws -> ClientOptions {
    var arguments = ["--timeout", patience]
    for name in ["--socket", "--server-uid"] {
      guard let word = value(of: name, in: words) else { continue }
      guard let text = ShellCandidate.unquoted(word, home: Environment.inherited["HOME"]) else {
        throw ClientFailure.failed("only the shell knows what \(word) is")
      }
      arguments += [name, text]
    }
    return try ClientOptions.parse(arguments)
  }

  /// The last value that an option is given; bash makes a word of `=`.
  private static func value(of name: String, in words: [String]) -> String? {
    guard let index = words.lastIndex(where: { $0 == name || $0.hasPrefix(name + "=") }) else { return nil }
    guard words[index] == name else { return String(words[index].dropFirst(name.count + 1)) }
    return words[(index + 1)...].first { $0 != "=" }
  }
}
