// A handler keeps its connection in a global: nobody would close it, and it would be used off its loop.
import IPCKit
import Synchronization

let kept = Mutex<Connection?>(nil)

@Sendable func keep(_ connection: consuming Connection) async throws {
  var taken: Connection? = consume connection
  kept.withLock { $0 = taken.take() }  // expect: 'inout sending' parameter '$0' cannot be task-isolated
}
