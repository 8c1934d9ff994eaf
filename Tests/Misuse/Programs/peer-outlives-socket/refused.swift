// A peer is asked after its socket was closed: the number could be another socket's by then, and the answer another peer's.
import IPCKit

func groups() throws -> [UInt32] {
  let peer: Peer  // expect: lifetime-dependent variable 'peer' escapes its scope
  do {
    let stream = try UnixStream(connectingTo: "/run/s")  // expect-note: it depends on the lifetime of variable 'stream'
    peer = try stream.descriptor.peer()
  }
  return try peer.groups  // expect-note: this use of the lifetime-dependent value is out of scope
}
