// What a window's child is given: a program, a place to start in, and an environment that tells it of us and of nothing
// that is ours alone.

internal import Glibc
package import IPCKit
internal import WindowProtocol

/// What this process was like when it began, for children to be like that too.
package struct ChildSetup: Sendable {
  private let environment: Environment
  private let socketPath: String
  private let home: String
  private let loginShell: String
  private let descriptorLimit: DescriptorLimit

  /// Variables that speak of the terminal that the daemon came from.
  private static let terminalVariables: Set<String> = [
    "COLUMNS", "LINES", "TERMCAP", "WINDOWID", "STY", "TMUX", "TMUX_PANE",
  ]

  /// What a login has: select(2) knows no more descriptors.
  private static let loginDescriptors: UInt64 = 1024

  /// Looks at this process.
  /// - Parameters:
  ///   - socketPath: where children find the daemon, from whichever directory.
  ///   - limit: what this process was started with. A service manager gives a service one for what it keeps for it; what
  ///     that service starts is like a login all the same.
  package init(socketPath: String, startedWith limit: DescriptorLimit) {
    let inherited = Environment.inherited
    descriptorLimit =
      inherited["NOTIFY_SOCKET"] == nil
      ? limit : DescriptorLimit(soft: min(limit.soft, Self.loginDescriptors), hard: limit.hard)
    // getpwuid's answer is valid until the next such call, and this program has one thread here.
    let account = unsafe getpwuid(getuid())
    let accountHome = unsafe account.map { unsafe String(cString: $0.pointee.pw_dir) }
    let accountShell = unsafe account.map { unsafe String(cString: $0.pointee.pw_shell) }
    home = inherited["HOME"] ?? accountHome ?? "/"
    let shells = [inherited["SHELL"], accountShell, "/bin/sh"]
    loginShell = shells.lazy.compactMap(\.self).first { !$0.isEmpty } ?? "/bin/sh"
    var environment = inherited
    Self.removeOwnVariables(from: &environment)
    environment["TERM"] = "xterm-256color"
    environment["WINDOWD_SOCKET"] = socketPath
    environment["ALACRITTY_SOCKET"] = socketPath
    self.environment = environment
    self.socketPath = socketPath
  }

  private static func removeOwnVariables(from environment: inout Environment) {
    environment.removeUnitVariables()
    environment.remove { terminalVariables.contains($0) }
  }

  /// The command for a window.
  /// - Throws: when a variable is not of the form NAME=value.
  func command(
    for specification: WindowSpecification, id: UInt64, configuration: Configuration
  ) throws(ConfigurationError) -> Command {
    var environment = environment
    for variable in specification.environment {
      // Among the bytes: a value may begin with a mark that combines with the sign.
      guard let sign = variable.utf8.firstIndex(of: UInt8(ascii: "=")), sign != variable.startIndex else {
        throw ConfigurationError(description: "environment: '\(variable)' is not of the form NAME=value")
      }
      environment[String(variable[..<sign])] = String(variable[variable.utf8.index(after: sign)...])
    }
    // Behind the client's own, which may name a terminal type but not speak for the daemon.
    if !specification.environment.isEmpty {
      Self.removeOwnVariables(from: &environment)
      environment["WINDOWD_SOCKET"] = socketPath
      environment["ALACRITTY_SOCKET"] = socketPath
    }
    environment["WINDOWD_WINDOW"] = "\(id)"
    environment["ALACRITTY_WINDOW_ID"] = "\(id)"
    let arguments = specification.command.isEmpty ? [configuration.shell ?? loginShell] : specification.command
    // A directory that was asked for must be there; a home that is not is no reason to refuse a window.
    let directories = specification.workingDirectory.map { [$0] } ?? [home, "/"]
    var command = Command(arguments: arguments, environment: environment, directories: directories)
    command.descriptorLimit = descriptorLimit
    return command
  }
}
