// Bringing up a windowd for a client that finds none. A hundred may try at once: each starts one, the socket's lock lets
// one of them live, and the others' clients hear so from their exit status and talk to the one that won.

internal import Glibc
internal import IPCKit
internal import WindowProtocol

/// Starts windowd, detached from this process and its terminal.
struct DaemonStarter {
  let client: Client

  /// A connection to a daemon, started if need be.
  func connect() throws(ClientFailure) -> BufferedReader {
    var pause: UInt32 = 2_000
    while true {
      do throws(ClientFailure) {
        return try client.connect()
      } catch .noDaemon {
        guard try !start() else { continue }
        // The other daemon has the lock, and listens in a moment: nothing tells of it, so it is looked for again.
        guard !client.deadline.hasPassed else {
          throw .timeout("another windowd holds \(client.path).lock, but nobody serves \(client.path)")
        }
        usleep(pause)
        pause = min(pause * 2, 100_000)
      }
    }
  }

  /// Starts one: true when it serves the socket, false when another was first.
  private func start() throws(ClientFailure) -> Bool {
    var messages: [String] = []
    do throws(IPCError) {
      let pipe = try IPCError.wrap { () throws(SystemError) in try Pipe() }
      var command = Command(
        arguments: [Self.program, "--detached", "--socket", client.path], environment: .inherited,
        directories: ["/"])
      command.environment["WINDOWD_SOCKET"] = nil
      // It is no part of the unit that this may run in.
      command.environment.removeUnitVariables()
      let writing = pipe.writing
      let daemon = try DetachedProcess(command, output: writing, deadline: client.deadline)
      // The end of the output must be the daemon's to make.
      _ = consume writing
      var output = BufferedReader(pipe.reading)
      while let line = try output.nextLine(as: String.self, deadline: client.deadline) {
        if line == DaemonStatus.readyLine { return true }
        messages.append(line)
      }
      let status = try daemon.exit(deadline: client.deadline)
      if status == .exited(DaemonStatus.alreadyServed) { return false }
      // One that was killed has said nothing.
      messages.append("\(status)")
    } catch {
      switch error {
      case .deadlineExceeded: throw .timeout("windowd did not come up in time")
      default: throw .failed("cannot start windowd: \(error)")
      }
    }
    throw .failed("cannot start windowd: \(messages.joined(separator: "; "))")
  }

  /// windowd beside this program, else in PATH.
  private static var program: String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    // readlink writes within the bounds that it is given.
    let length = unsafe buffer.withUnsafeMutableBytes { buffer in
      unsafe buffer.baseAddress.map {
        unsafe readlink("/proc/self/exe", $0.assumingMemoryBound(to: CChar.self), buffer.count)
      } ?? -1
    }
    guard length > 0 else { return "windowd" }
    let own = String(decoding: buffer[..<length], as: UTF8.self)
    let beside = own.prefix(through: own.lastIndex(of: "/") ?? own.startIndex) + "windowd"
    // The path is a C string for the length of the call.
    return unsafe access(String(beside), X_OK) == 0 ? String(beside) : "windowd"
  }
}
