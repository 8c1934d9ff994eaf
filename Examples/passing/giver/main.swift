// A privileged program that opens a file for others: whoever it trusts gets the open file, as a descriptor, and needs no
// right to the path. Started by root, for user 1000:
//
//   giver /tmp/giver.sock /etc/shadow 1000 &
//   setpriv --reuid 1000 --regid 1000 --clear-groups taker /tmp/giver.sock 0

import Glibc
import IPCKit

/// Opens the file. The one place in this program where a descriptor is a number: from here on it has an owner.
func openFile(_ path: String) throws(SystemError) -> FileDescriptor {
  // Without O_NONBLOCK, a FIFO would hold up the loop until somebody writes to it. The path is lent for the call.
  let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
  guard number >= 0 else { throw SystemError(errno: errno, operation: "open", object: path) }
  // The kernel has just handed this number out: nobody else knows it.
  return unsafe FileDescriptor(owning: number)
}

/// Gives the file to each client that comes from this user.
func serve(_ file: String, to user: UInt32, at socket: String, on loop: EventLoop) async throws(SystemError) {
  let stop = ServerStop()
  // Others may connect, since the file's mode cannot name a user; the policy turns them away.
  let server = Server(
    try UnixListener(binding: .path(socket), mode: 0o666), on: loop, admitting: .users([user]), stop: stop)

  let signals = try SignalSource([SIGTERM, SIGINT], on: loop)
  let listening = Task(executorPreference: loop) {
    // A service that cannot hear of a signal any more could not be stopped: it stops then.
    do { _ = try await signals.next() } catch { print("giver: \(error)") }
    stop.stop(deadline: .after(.seconds(5)))
  }
  defer { listening.cancel() }

  try await server.run(startingAt: .connection) { connection in
    let descriptor: FileDescriptor
    do throws(SystemError) {
      // Opened anew for each: a file that is open once has one position, which all who have it would share.
      descriptor = try openFile(file)
    } catch {
      return try await connection.write("error \(error)\n")
    }
    // Ours is closed with this call, whether it succeeds or not.
    try await connection.write("file\n", passing: descriptor)
  }
}

let arguments = CommandLine.arguments
guard arguments.count == 4, let user = UInt32(arguments[3]) else {
  print("usage: giver SOCKET FILE USER-ID")
  exit(64)
}
do {
  let loop = try EventLoop()
  try loop.run { try await serve(arguments[2], to: user, at: arguments[1], on: loop) }
} catch {
  print("giver: \(error)")
  exit(1)
}
