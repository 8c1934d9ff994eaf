// What a shell offers while somebody types: processes, units and programs.

internal import ArgumentParser
internal import DescriptorWatch
internal import TerminalText

extension CompletionKind {
  /// Processes that may be looked into.
  static var processes: CompletionKind {
    .custom { _, _, _ in
      let shell = CompletionShell.requesting?.rawValue
      return Target.all.compactMap { ShellCandidate.line($0.argument, $0.description, for: shell) }
    }
  }

  /// The system's and the user's services that run.
  static var units: CompletionKind {
    let running = "list-units --type=service --state=running --plain --no-legend 2>/dev/null | cut -d\" \" -f1"
    return .shellCommand("systemctl \(running); systemctl --user \(running)")
  }

  /// The programs that the shell knows.
  static var programs: CompletionKind {
    .shellCommand(ShellCandidate.programs(for: CompletionShell.requesting?.rawValue))
  }
}
