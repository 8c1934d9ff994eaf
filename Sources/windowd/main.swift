// windowd: a server of headless terminal windows. This file is its command line; what it does is in WindowService.

internal import ArgumentParser
internal import Glibc
internal import TerminalText
internal import WindowProtocol
internal import WindowService

/// The command line of windowd.
struct Windowd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "windowd",
    abstract: "Serves headless terminal windows over a Unix socket.",
    discussion: """
      Listens on the socket that systemd hands over, else on --socket. Clients are windowctl and `alacritty msg`. \
      SIGHUP reads the configuration again; SIGTERM and SIGINT hang all windows up and end it. Where a service manager keeps \
      descriptors ($FDSTORE), windows outlive it, and are the next windowd's. \
      Exit status: 0 stopped by a signal, or idle; 1 failed, with a message; 75 the socket is served already; 64 wrong usage.
      """,
    version: ProgramVersion.current)

  @Option(help: "Where to listen. [default: $WINDOWD_SOCKET, else $XDG_RUNTIME_DIR/windowd.sock]", completion: .file())
  var socket: String?

  @Option(
    help: "The configuration. [default: $XDG_CONFIG_HOME/windowd/windowd.conf, if there is one]", completion: .file())
  var config: String?

  @Flag(help: "Write `ready` to standard output once clients may come, then let go of 0, 1 and 2.")
  var detached = false

  @Option(help: "End after so many seconds without a window and a client. [default: never]")
  var idleExit: Double?

  func validate() throws {
    if let idleExit, !(idleExit > 0 && idleExit < 1e9) { throw ValidationError("--idle-exit must be above 0") }
  }

  func run() throws {
    var options = WindowDaemon.Options()
    options.socketPath = socket
    options.configurationPath = config
    options.isDetached = detached
    options.idleExit = idleExit.map { .seconds($0) }
    throw ExitCode(WindowDaemon.run(options))
  }
}

if let problem = CommandLineCheck.problem {
  Windowd.exit(withError: ValidationError(problem))
}
Windowd.main()
