// Connecting, for the clients of every type: to somebody who has room, within the deadline, and who is trusted.

internal import CIPCShim
internal import Glibc

extension FileDescriptor {
  /// A socket that is connected to a trusted listener; non-blocking.
  init(
    connecting type: SocketType, to address: UnixAddress, trusting policy: PeerPolicy, _ deadline: Deadline,
    at site: CallSite
  ) throws(IPCError) {
    let socket = try Self.connect(type, to: address, deadline, at: site)
    try Self.check(socket, policy)
    self = socket
  }

  private static func check(_ socket: borrowing FileDescriptor, _ policy: PeerPolicy) throws(IPCError) {
    let credentials: PeerCredentials
    do throws(SystemError) {
      let peer = try socket.peer()
      if try policy.admits(peer) { return }
      credentials = peer.credentials
    } catch {
      throw .system(error)
    }
    throw .peer(.notAllowed(credentials))
  }

  private static func connect(
    _ type: SocketType, to address: UnixAddress, _ deadline: Deadline, at site: CallSite
  ) throws(IPCError) -> FileDescriptor {
    do throws(SystemError) {
      let target = try SocketAddress(address, for: "connect")
      let socket = try FileDescriptor(checking: ipc_unix_socket(type.number, 0), "socket", at: site)
      while true {
        let remaining = deadline.remainingNanoseconds
        guard remaining != 0 else { throw SystemError(errno: EAGAIN, operation: "connect") }
        _ = try SystemError.check(ipc_set_send_timeout(socket.number, remaining), "setsockopt SO_SNDTIMEO")
        let result = socket.connect(to: target)
        if result == -EINTR { continue }
        _ = try SystemError.check(result, "connect", address.description)
        _ = try SystemError.check(ipc_set_send_timeout(socket.number, 0), "setsockopt SO_SNDTIMEO")
        try socket.setNonBlocking(true)
        return socket
      }
    } catch  where error.errno == EAGAIN {
      throw .deadlineExceeded(operation: "connect \(address)")
    } catch {
      throw .system(error)
    }
  }
}
