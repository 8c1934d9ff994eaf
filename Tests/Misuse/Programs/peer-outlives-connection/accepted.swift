// The peer is asked before the connection ends.
import IPCKit

@Sendable func serve(_ connection: consuming Connection) async throws {
  let groups = try connection.peer.groups
  connection.finish(deadline: .never)
  print(groups)
}
