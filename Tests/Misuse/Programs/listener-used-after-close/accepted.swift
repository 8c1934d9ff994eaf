// What was accepted lives on after the listener.
import IPCKit

func serveOne(_ listener: consuming UnixListener) throws {
  let connection = try listener.accept()
  try listener.close()
  try connection.writeAll("hello\n")
}
