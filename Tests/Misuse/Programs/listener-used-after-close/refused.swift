// A listener is used after it was closed: it would accept from whatever socket got the number since.
import IPCKit

func serveOne(_ listener: consuming UnixListener) throws {  // expect: 'listener' used after consume
  try listener.close()  // expect-note: consumed here
  try listener.accept().writeAll("hello\n")  // expect-note: used here
}
