// A connection ends while its peer is still to be asked.
import IPCKit

@Sendable func serve(_ connection: consuming Connection) async throws {
  let peer = try connection.peer
  connection.finish(deadline: .never)  // expect: overlapping accesses to 'connection'
  print(try peer.groups)
}
