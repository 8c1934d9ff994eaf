// Output on its way: sent at once as far as it fits, and the rest whenever the peer has made room, for as long as it does.

internal import CIPCShim
internal import Glibc

extension ServerCore {
  /// Sends what was collected; false when some of it is left, or can never be sent.
  func flush(_ connection: ConnectionReference) -> Bool {
    while !connection.record.output.isEmpty {
      let sent = connection.record.output.send(to: connection.record.descriptor)
      guard sent < 0 else {
        counters.add(.bytesSent, Int(sent))
        if connection.record.slot >= 0 { loop.core.slots.clearTimer(connection.record.slot, .write) }
        continue
      }
      guard sent == -Int64(EAGAIN) else {
        connection.record.writeErrno = CInt(-sent)
        connection.record.output.drop()
        return false
      }
      awaitRoom(connection)
      return false
    }
    return true
  }

  /// Has the kernel tell of room, and lets the time of a stalled peer run.
  func awaitRoom(_ connection: ConnectionReference) {
    do throws(SystemError) { try register(connection) } catch {
      connection.record.writeErrno = error.errno
      return
    }
    let slot = connection.record.slot
    loop.core.armForWriting(slot, connection.record.descriptor.number)
    guard !loop.core.slots.hasTimer(slot, .write) else { return }
    loop.core.slots.setTimer(slot, .write, .after(limits.stallTime))
  }

  /// Ends a connection whose peer takes nothing any more; one that is only slow is waited for.
  func endIfBroken(_ connection: ConnectionReference) {
    guard connection.record.writeErrno != 0 else { return }
    let error = SystemError(errno: connection.record.writeErrno, operation: "write")
    report(IPCError.system(error))
    close(connection)
  }
}
