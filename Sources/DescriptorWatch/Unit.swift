// A unit of systemd's: which process is its main one, asked of systemctl.

internal import Glibc
internal import IPCKit

/// A unit by its name, such as `windowd.service`.
struct Unit {
  let name: String
  let isUsers: Bool

  init(_ name: String, isUsers: Bool) {
    self.name = name
    self.isUsers = isUsers
  }

  /// The process that the manager takes for the unit's main one. `systemctl show --property=MainPID --value`.
  func mainProcess() throws(WatchFailure) -> Int32 {
    let (status, output) = try askManager()
    let shown = output.split(separator: "\n").map(String.init)
    guard status == .exited(0) else { throw WatchFailure("systemctl: \(shown.last ?? status.description)") }
    guard let number = shown.first.flatMap({ Int32($0) }) else {
      throw WatchFailure("systemctl tells no main process of \(name): '\(shown.first ?? "")'")
    }
    guard number > 0 else {
      throw WatchFailure("unit \(name) has no main process: it is not running, or is no service")
    }
    return number
  }

  private func askManager() throws(WatchFailure) -> (ExitStatus, String) {
    let arguments = ["systemctl"] + (isUsers ? ["--user"] : []) + ["show", "--property=MainPID", "--value", "--", name]
    do throws(IPCError) {
      return try Self.outcome(of: Command(arguments: arguments, environment: .inherited))
    } catch {
      if case .system(let failure) = error, failure.errno == ENOENT {
        throw WatchFailure("systemctl is not there: --unit needs systemd")
      }
      throw WatchFailure("systemctl: \(error)")
    }
  }

  /// How a command ended, and what it printed.
  private static func outcome(of command: Command) throws(IPCError) -> (ExitStatus, String) {
    let pipe = try IPCError.wrap { () throws(SystemError) in try Pipe() }
    let deadline = Deadline.after(.seconds(30))
    let writing = pipe.writing
    let asked = try DetachedProcess(command, output: writing, deadline: deadline)
    // The end of the output must be the process's to make.
    _ = consume writing
    var reader = BufferedReader(pipe.reading)
    var lines: [String] = []
    while let line = try reader.nextLine(as: String.self, deadline: deadline) { lines.append(line) }
    return (try asked.exit(deadline: deadline), lines.joined(separator: "\n"))
  }
}
