// Sentences on a terminal: broken between words, so that the second line reads on where the first ended.

/// Text in lines of at most some width.
package enum TextWrapping {
  /// Breaks at spaces; a word that is longer than a line is broken itself.
  package static func lines(_ text: String, width: Int) -> [String] {
    precondition(width > 0, "a line has room for something")
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if line.isEmpty {
        line = String(word)
      } else if line.count + 1 + word.count <= width {
        line += " " + word
      } else {
        lines.append(line)
        line = String(word)
      }
      while line.count > width {
        lines.append(String(line.prefix(width)))
        line.removeFirst(width)
      }
    }
    return line.isEmpty ? lines : lines + [line]
  }
}
