// The older way to hand over a connection, inetd's: as standard input and output.

internal import CIPCShim

extension SocketActivation {
  /// Takes the connection that this process was started with as its standard input: by a socket unit with Accept=yes
  /// and StandardInput=socket, or by `systemd-socket-activate --inetd --accept`. fstat(2), getpeername(2), fcntl(2)
  /// with F_DUPFD_CLOEXEC, open(2), dup2(2).
  ///
  /// It becomes close-on-exec and non-blocking, under another number. What led to it of 0, 1 and 2 leads to /dev/null
  /// then: the peer hears its end, and nothing that is printed gets between what is sent. Standard error is one of
  /// these where the unit does not say otherwise; StandardError=journal keeps it.
  ///
  /// Nobody has looked who the peer is: see ``Peer``.
  /// - Parameters:
  ///   - fileID: with `line`, the ``DescriptorOrigin``.
  ///   - line: as `fileID`.
  /// - Returns: the connection, of whatever family and type, the caller's to own; nil when standard input is closed, no
  ///   socket, or one without a peer.
  /// - Throws: EMFILE, ENFILE; the standard streams are as they were then.
  public static func takeStandardInput(
    fileID: StaticString = #fileID, line: UInt32 = #line
  ) throws(SystemError) -> FileDescriptor? {
    guard ipc_is_socket(0) == 1, ipc_has_peer(0) == 1 else { return nil }
    let null = try FileDescriptor(checking: ipc_open_null(), "open", "/dev/null", at: .here())
    let connection = try FileDescriptor(
      checking: ipc_duplicate(0, 3), "fcntl F_DUPFD_CLOEXEC", at: CallSite(fileID, line))
    try connection.setNonBlocking(true)
    for number: CInt in 0...2 where isSameFile(connection, number) {
      _ = try SystemError.check(ipc_redirect(null.number, number), "dup2")
    }
    return connection
  }

  private static func isSameFile(_ descriptor: borrowing FileDescriptor, _ number: CInt) -> Bool {
    var (one, other) = (ipc_file_status(), ipc_file_status())
    // The shim fills both and keeps no pointer; a stream that is closed is not the same.
    guard unsafe ipc_status(descriptor.number, &one) >= 0, unsafe ipc_status(number, &other) >= 0 else { return false }
    return one.device == other.device && one.inode == other.inode
  }
}
