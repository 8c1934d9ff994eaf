// A client that outlives the service that it talks to: each line that it sends has a deadline, a service that is
// restarted is waited for, and no line is sent a second time unless that does no harm. It prints the line that each is
// answered with.
//
//   systemd-socket-activate --listen=/tmp/echo.sock --fdname=echo echo-service &
//   line-client --socket /tmp/echo.sock hello world

import ArgumentParser
import Glibc
import IPCKit

/// The command line.
struct Command: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "line-client",
    abstract: "Sends lines to a service and prints the lines that it answers with.",
    discussion: """
      Exit status: 0 all were answered; 1 it failed, or the service is not to be trusted; 3 a line may have been done or \
      not; 4 the time was over; 64 wrong usage.
      """)

  @Option(help: "The service's socket.")
  var socket: String

  @Option(help: "Seconds that one attempt may take.")
  var timeout = 2.0

  @Option(help: "Seconds that a line may take with all its attempts.")
  var giveUp = 10.0

  @Option(name: .customLong("server-uid"), help: "Also trust a service that runs as this user.")
  var serverUID: UInt32?

  @Flag(help: "The lines may be done twice: send one again when nobody knows whether it was done.")
  var repeatable = false

  @Argument(help: "The lines; those of standard input when there are none.")
  var lines: [String] = []

  func validate() throws {
    guard [timeout, giveUp].allSatisfy({ $0 > 0 && $0 < 1e6 }) else { throw ValidationError("times are above 0") }
    guard !lines.contains(where: { $0.contains("\n") }) else { throw ValidationError("a line has no line break") }
  }

  func run() throws {
    var client = LineClient(
      address: .path(socket), policy: serverUID.map { .sameUserOrRoot.or(.users([$0])) } ?? .sameUserOrRoot,
      attemptTime: .seconds(timeout), totalTime: .seconds(giveUp))
    var given = lines.makeIterator()
    do throws(LineClient.Failure) {
      while let line = lines.isEmpty ? readLine() : given.next() {
        print(try client.ask(line, isRepeatable: repeatable))
        // Whoever reads this through a pipe is not to wait for the next line.
        fflush(nil)
      }
    } catch {
      complain("line-client: \(socket): \(error)\n")
      throw ExitCode(error.exitStatus)
    }
  }
}

/// Says it on standard error.
func complain(_ sentence: String) {
  // The text is lent for the length of the call.
  _ = unsafe write(STDERR_FILENO, sentence, sentence.utf8.count)
}

Command.main()
