// What programs offer to a shell that completes a command line: some of it is other people's text, and none of that may
// reach the shell as anything but text.

/// Candidates, as the completion scripts of ArgumentParser's take them: a line for each.
package enum ShellCandidate {
  /// The line of a word and, where the shell shows one, of what it stands for. Nil for a word that a shell would read as
  /// more than a word, or break: bash expands what it is offered.
  package static func line(_ word: String, _ description: String = "", for shell: String?) -> String? {
    guard !word.isEmpty, word.utf8.allSatisfy(isPlain) else { return nil }
    let text = DisplayText.escaped(description)
    guard !text.isEmpty else { return word }
    switch shell {
    case "zsh":
      // It takes one of two backslashes away.
      let parts = text.split(separator: "\\", omittingEmptySubsequences: false)
      return "\(word):\(parts.joined(separator: "\\\\"))"
    case "fish": return "\(word)\t\(text)"
    default: return word
    }
  }

  /// A command for the shell itself that prints the programs there are.
  package static func programs(for shell: String?) -> String {
    switch shell {
    // Names of files that bash would read as more than a word are other people's, too.
    case "bash": "compgen -c -- \"${cur}\" | LC_ALL=C grep -x \"[][A-Za-z0-9._+/@%,=-]*\""
    case "fish": "complete -C (commandline -ct)"
    case "zsh": "print -rl -- ${(k)commands} ${PREFIX}*(N-*,N-/)"
    default: ""
    }
  }

  /// A word of a command line as its shell would hand it on; nil where that would take the shell.
  package static func unquoted(_ word: String, home: String?) -> String? {
    var result = ""
    var quote: Character?
    var isEscaped = false
    var rest = word[...]
    if let home, word == "~" || word.hasPrefix("~/") {
      result = home
      rest = rest.dropFirst()
    }
    for character in rest {
      switch (character, quote) {
      case _ where isEscaped:
        // Between quotes it escapes what would mean something there, and else stands for itself.
        if quote != nil, !"$`\"\\\n".contains(character) { result.append("\\") }
        result.append(character)
        isEscaped = false
      case ("\\", nil), ("\\", "\""): isEscaped = true
      case ("$", nil), ("$", "\""), ("`", nil), ("`", "\""): return nil
      case ("'", nil), ("\"", nil): quote = character
      case (_, let open?) where character == open: quote = nil
      default: result.append(character)
      }
    }
    return result
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "._+/@%,=-".utf8.contains(byte)
    }
  }
}
