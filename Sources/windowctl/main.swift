// windowctl: asks a windowd for something, prints the answer and ends. This file is its command line.

internal import ArgumentParser
internal import Glibc
internal import TerminalText
internal import WindowProtocol

/// The command line of windowctl.
struct Windowctl: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "windowctl",
    abstract: "Opens, lists, shows and closes the terminal windows of a windowd.",
    discussion: """
      Exit status: 0 done; 1 refused or failed, with a message; 3 nobody serves the socket; 4 the timeout is over; \
      64 wrong usage. `wait --exit-status` exits as the child did, 128+n for a signal, and 125 for a failure of its own.
      """,
    version: ProgramVersion.current,
    subcommands: [
      CreateWindow.self, ListWindows.self, CloseWindow.self, ResizeWindow.self, Attach.self, Show.self, Wait.self,
      Config.self, GetConfig.self, Status.self,
    ])

  // Taken here too, so that they may stand before the command as well as behind it.
  @OptionGroup var options: ClientOptions
}

if let problem = CommandLineCheck.problem {
  Output.complain(problem)
  exit(64)
}
Windowctl.main()
