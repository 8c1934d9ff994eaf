// The first facts about a peer, as a value that is kept with every connection.

internal import CIPCShim

/// The user, group and process at the other end of a connected Unix socket, as SO_PEERCRED tells them.
///
/// For an accepted connection they are the client's at the moment it connected, whatever it has become since. For the
/// client they are those of whoever called listen(2): of a socket-activated service that is systemd, not the service.
public struct PeerCredentials: Hashable, Sendable {
  /// The effective user id.
  public let userID: UInt32
  /// The effective group id.
  public let groupID: UInt32
  /// The process id; 0 for a process that this pid namespace does not show. It can be another process's by now.
  public let processID: Int32

  /// When the process that has ``processID`` now began, in clock ticks (sysconf(3), `_SC_CLK_TCK`) since the machine
  /// started; nil when there is none, and for 0. open(2) and read(2) of /proc/PID/stat.
  ///
  /// The number of a process that has ended is given to another one, which began later: who keeps this time with the
  /// number can tell them apart. /proc must be that of this pid namespace.
  /// - Throws: EACCES, EMFILE.
  public var startTime: UInt64? {
    get throws(SystemError) { try ProcessStatus.startTime(ofProcess: processID) }
  }
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
