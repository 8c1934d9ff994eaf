// Which process is meant: by its number, by its name, or by the unit that a service manager runs.

internal import Glibc
package import IPCKit

/// A process to look at, as a person names it.
package enum Target: Hashable, Sendable {
  case number(Int32)
  /// As in /proc/PID/comm, or the last part of the program's path.
  case name(String)
  case unit(String, isUsers: Bool)

  /// What an argument stands for.
  package init(argument: String) {
    self = Int32(argument).map { .number($0) } ?? .name(argument)
  }

  /// The process's number.
  package func resolve() throws(WatchFailure) -> Int32 {
    switch self {
    case .number(let number): return number
    case .name(let name): return try Self.process(named: name)
    case .unit(let unit, let isUsers): return try Unit(unit, isUsers: isUsers).mainProcess()
    }
  }

  private static func process(named name: String) throws(WatchFailure) -> Int32 {
    let own = getpid()
    // What has ended keeps its name until it is reaped.
    let found = ((try? ProcessListing.processes()) ?? [])
      .filter { $0 != own && isNamed($0, name) && !ProcessState.isEnding($0) }
    guard let first = found.first else { throw WatchFailure("no process is called '\(name)'") }
    guard found.count > 1 else { return first }
    let lines = found.map { processID in
      let words = ProcessNames.commandLine(of: processID)
      return "\(processID)  \(words.isEmpty ? ProcessListing.name(ofProcess: processID) : words.joined(separator: " "))"
    }
    throw WatchFailure("\(found.count) processes are called '\(name)': give the number of one", details: lines)
  }

  private static func isNamed(_ processID: Int32, _ name: String) -> Bool {
    if ProcessListing.name(ofProcess: processID) == name { return true }
    guard var program = ProcessNames.commandLine(of: processID).first?.split(separator: "/").last else { return false }
    // A login shell's has a dash before it.
    if program.first == "-", name.first != "-" { program.removeFirst() }
    return program == name
  }
}

/// Why fdwatch cannot do what it was told to.
package struct WatchFailure: Error, Hashable, Sendable {
  /// One line. Foreign text may be in it.
  package var message: String
  /// Further lines.
  package var details: [String] = []

  package init(_ message: String, details: [String] = []) {
    self.message = message
    self.details = details
  }

  /// A failed look at a process, with what may help.
  package init(_ error: SystemError, lookingAt processID: Int32) {
    switch error.errno {
    case ENOENT, ESRCH: message = "there is no process \(processID)"
    case EACCES, EPERM:
      let owner = (try? ProcessDescription(processID: processID))
      let user = owner?.userName ?? owner?.userID.map(String.init) ?? "another user"
      let name = owner.map { " (\($0.name), of \(user))" } ?? ""
      let remedy =
        geteuid() != 0
        ? "run fdwatch as root or as its user"
        : Self.mayTrace ? "not even root may, here" : "it takes CAP_SYS_PTRACE"
      message = "process \(processID)\(name) may not be looked into: \(remedy)"
    default: message = "\(error)"
    }
  }

  /// Whether this process has CAP_SYS_PTRACE, number 19, as root may not have it in a container. capabilities(7).
  private static var mayTrace: Bool {
    let line = KernelText.text(of: "/proc/self/status")?.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
    let set = line?.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) }
    return (set ?? 0) & 1 << 19 != 0
  }
}
