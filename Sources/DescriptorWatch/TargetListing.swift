// Which processes could be meant, for a shell that completes a command line.

internal import Glibc
internal import IPCKit

extension Target {
  /// Every process that may be looked into, by its number, and by its name where no other has it; each with how it was
  /// called, which is foreign text.
  package static var all: [(argument: String, description: String)] {
    let own = getpid()
    let found = ((try? ProcessListing.processes()) ?? []).filter { $0 != own }.compactMap { Names($0) }
    let counts = found.flatMap(\.all).reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
    let mine = found.filter(\.mayBeLookedInto)
    return mine.filter { counts[$0.name] == 1 }.map { ($0.name, $0.commandLine) }
      + mine.map { ("\($0.number)", $0.commandLine) }
  }

  /// How a process is called.
  private struct Names {
    let number: Int32
    let name: String
    let commandLine: String
    /// What it answers to.
    let all: Set<String>

    /// Nil for one of the kernel's, and for one that has ended: neither holds anything.
    init?(_ number: Int32) {
      let words = ProcessNames.commandLine(of: number)
      guard let first = words.first, !ProcessState.isEnding(number) else { return nil }
      self.number = number
      name = ProcessListing.name(ofProcess: number)
      commandLine = words.joined(separator: " ")
      all = [name, first.split(separator: "/").last.map(String.init) ?? name]
    }

    var mayBeLookedInto: Bool {
      // The path is a C string for the length of the call.
      unsafe access("/proc/\(number)/fd", R_OK | X_OK) == 0
    }
  }
}
