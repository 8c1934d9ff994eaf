// Colours, where somebody looks and wants them.

package import IPCKit
package import TerminalText

extension Environment {
  /// Whether TERM names no terminal that can do more than print.
  var hasDumbTerminal: Bool { self["TERM"].map { $0 == "dumb" || $0.isEmpty } ?? true }
}

/// How text is set off.
package struct Style: Sendable {
  package var isColored: Bool

  package init(isColored: Bool) { self.isColored = isColored }

  /// Whether colours are wanted.
  package enum Wish: String, CaseIterable, Sendable {
    case auto, always, never

    /// Colours by themselves only on a terminal that is not dumb, and unless NO_COLOR says otherwise.
    package func style(for stream: OutputStream, _ environment: Environment = .inherited) -> Style {
      switch self {
      case .always: return Style(isColored: true)
      case .never: return Style(isColored: false)
      case .auto:
        let isRefused = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
        return Style(isColored: stream.isTerminal && !isRefused && !environment.hasDumbTerminal)
      }
    }
  }

  package func bold(_ text: String) -> String { set(text, "1") }
  package func dim(_ text: String) -> String { set(text, "2") }

  /// The colour of a suspicion.
  package func tell(_ text: String, _ confidence: Confidence) -> String {
    switch confidence {
    case .certain: set(text, "1;31")
    case .likely: set(text, "33")
    case .possible: set(text, "36")
    }
  }

  private func set(_ text: String, _ code: String) -> String {
    isColored && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}
