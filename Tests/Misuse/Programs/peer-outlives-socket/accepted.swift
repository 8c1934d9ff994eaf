// The peer is asked while its socket is open.
import IPCKit

func groups() throws -> [UInt32] {
  let stream = try UnixStream(connectingTo: "/run/s")
  let peer = try stream.descriptor.peer()
  return try peer.groups
}
