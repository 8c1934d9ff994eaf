// What is known about the connection may be kept; the connection ends with its handler.
import IPCKit
import Synchronization

let kept = Mutex<PeerCredentials?>(nil)

@Sendable func keep(_ connection: consuming Connection) async throws {
  let peer = try connection.peer.credentials
  kept.withLock { $0 = peer }
}
