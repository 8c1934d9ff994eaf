// All that the kernel tells of a peer. The credentials are always there; whoever wants more asks for it, and pays for what
// it asks.

internal import CIPCShim
internal import Glibc

/// Who is at the other end of a connected Unix socket, by the kernel's word. It lives as long as the socket is lent.
///
/// Of an accepted connection it tells the client at the moment it connected. Of a client's it tells whoever called
/// listen(2), at that moment: not who accepts now, if the listening socket was handed on. Under socket activation it is
/// systemd, with systemd's user, process and label.
///
/// ```swift
/// let stream = try UnixStream(connectingTo: "/run/example.sock")
/// let peer = try stream.descriptor.peer()
/// print(peer.credentials.userID, try peer.groups)
/// ```
public struct Peer: ~Escapable {
  /// The user, group and process.
  public let credentials: PeerCredentials
  /// Of a descriptor that is lent for as long as this lives.
  private let number: CInt

  @_lifetime(borrow socket)
  init(_ credentials: PeerCredentials, at socket: borrowing FileDescriptor) {
    self.credentials = credentials
    number = socket.number
  }

  /// The supplementary groups, in no order; the group of the credentials may be among them or not. getsockopt(2) with
  /// SO_PEERGROUPS.
  /// - Throws: ENODATA for a socket that is not connected.
  public var groups: [UInt32] {
    get throws(SystemError) {
      // Most have fewer; how many there are does not change, since the kernel noted them.
      var groups = [UInt32](repeating: 0, count: 64)
      while true {
        // The shim stores at most as many, and answers how many there are.
        let count = Int(
          try SystemError.check(unsafe ipc_peer_groups(number, &groups, groups.count), "getsockopt SO_PEERGROUPS"))
        guard count > groups.count else { return Array(groups.prefix(count)) }
        groups = [UInt32](repeating: 0, count: count)
      }
    }
  }

  /// The label that a security module such as SELinux or AppArmor has given to the peer; nil where none does. getsockopt(2)
  /// with SO_PEERSEC.
  /// - Throws: EILSEQ when it is not UTF-8.
  public var securityLabel: String? {
    get throws(SystemError) {
      var label = [UInt8](repeating: 0, count: 256)
      while true {
        // The shim stores at most as many, and answers how many there are.
        let result = unsafe ipc_peer_security(number, &label, label.count)
        if result == -ENOPROTOOPT { return nil }
        let count = Int(try SystemError.check(result, "getsockopt SO_PEERSEC"))
        // Some modules count a final NUL.
        if count <= label.count { return try Self.text(label.prefix(count).prefix { $0 != 0 }) }
        label = [UInt8](repeating: 0, count: count)
      }
    }
  }

  private static func text(_ label: ArraySlice<UInt8>) throws(SystemError) -> String {
    guard let text = String(validating: label, as: UTF8.self) else {
      throw SystemError(errno: EILSEQ, operation: "getsockopt SO_PEERSEC")
    }
    return text
  }

  /// A pidfd of the peer's process, the caller's to own: it names that process for good, whoever has its number later.
  /// getsockopt(2) with SO_PEERPIDFD.
  /// - Parameters:
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Returns: nil before Linux 6.5, which cannot tell.
  /// - Throws: ESRCH, or EINVAL on older kernels, when the process has ended and was reaped; ENODATA for a socket that is
  ///   not connected; EMFILE.
  public func openProcess(
    fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) -> FileDescriptor? {
    let result = ipc_peer_process(number)
    // The only place that knows what an older kernel says.
    if result == -ENOPROTOOPT { return nil }
    return try FileDescriptor(checking: result, "getsockopt SO_PEERPIDFD", at: CallSite(fileID, line))
  }
}

extension FileDescriptor {
  /// Who is at the other end of this connected Unix socket. getsockopt(2) with SO_PEERCRED.
  /// - Throws: ENOTSOCK, or EOPNOTSUPP on a socket that is not Unix's.
  @_lifetime(borrow self)
  public borrowing func peer() throws(SystemError) -> Peer { Peer(try peerCredentials(), at: self) }
}
