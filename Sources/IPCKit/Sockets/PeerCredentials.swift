// Who is at the other end: the kernel's word, not the peer's.

internal import CIPCShim

/// The user, group and process at the other end of a connected Unix socket, as SO_PEERCRED tells them.
///
/// For an accepted connection they are the client's at the moment it connected. For the client they are those of whoever
/// called listen(2): of a socket-activated service that is systemd, not the service.
public struct PeerCredentials: Hashable, Sendable {
  /// The effective user id.
  public let userID: UInt32
  /// The effective group id.
  public let groupID: UInt32
  /// The process id; 0 for a process of a pid namespace that is not ours.
  public let processID: Int32
}

extension FileDescriptor {
  /// The peer of a connected Unix socket. getsockopt(2) with SO_PEERCRED.
  /// - Throws: ENOTSOCK, or EOPNOTSUPP on a socket that is not Unix's.
  public borrowing func peerCredentials() throws(SystemError) -> PeerCredentials {
    var process: Int32 = 0
    var user: UInt32 = 0
    var group: UInt32 = 0
    // The shim writes the three integers and keeps no pointer.
    let result = unsafe ipc_peer_credentials(number, &process, &user, &group)
    _ = try SystemError.check(result, "getsockopt SO_PEERCRED")
    return PeerCredentials(userID: user, groupID: group, processID: process)
  }
}
