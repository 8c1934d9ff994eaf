// Output on its way: sent at once as far as it fits, and the rest whenever the peer has made room, for as long as it does.

internal import CIPCShim
internal import Glibc

extension ServerCore {
  /// Sends what was collected; false when some of it is left, or can never be sent.
  @inline(__always)
  func flush(_ connection: ConnectionReference) -> Bool {
    connection.record.output.isEmpty || sendAll(connection)
  }

  private func sendAll(_ connection: ConnectionReference) -> Bool {
    repeat {
      let sent = connection.record.output.send(to: connection.record.descriptor)
      guard sent >= 0 else { return sendFailed(connection, sent) }
      counters.add(.bytesSent, Int(sent))
      if connection.record.slot >= 0 { core.slots.clearTimer(connection.record.slot, .write) }
    } while !connection.record.output.isEmpty
    return true
  }

  private func sendFailed(_ connection: ConnectionReference, _ result: Int64) -> Bool {
    if result == -Int64(EAGAIN) {
      awaitRoom(connection)
    } else {
      connection.record.writeErrno = CInt(-result)
      connection.record.output.drop()
    }
    return false
  }

  /// Has the kernel tell of room, and lets the time of a stalled peer run.
  func awaitRoom(_ connection: ConnectionReference) {
    do throws(SystemError) { try register(connection) } catch {
      connection.record.writeErrno = error.errno
      return
    }
    let slot = connection.record.slot
    core.armForWriting(slot, connection.record.descriptor.number)
    if connection.record.mode == .replying {
      // Nothing of the peer's is read meanwhile: it is not the peer who is late.
      core.slots.clearTimer(slot, .read)
      connection.record.frameStart = 0
    }
    guard !core.slots.hasTimer(slot, .write) else { return }
    core.slots.setTimer(slot, .write, .after(limits.stallTime))
  }

  /// Ends a connection whose peer takes nothing any more; one that is only slow is waited for.
  func endIfBroken(_ connection: ConnectionReference) {
    guard connection.record.writeErrno != 0 else { return }
    let error = SystemError(errno: connection.record.writeErrno, operation: "write")
    report(IPCError.system(error))
    close(connection)
  }
}
