// The Unix sockets of this network namespace as the kernel's diagnostics tell them: unix_diag, of sock_diag(7). It is the
// one source that names the other end of a connection.

internal import CIPCShim
internal import Glibc

/// One dump of all Unix sockets.
package struct UnixDiagnostics {
  private var records = SocketRecords()
  /// The names of sockets, for those that are connected to them.
  private var names: [UInt64: String] = [:]
  private let wanted: Set<UInt64>
  /// Whether sockets came and went during the dump, so that it may lack some.
  private var wasInterrupted = false

  /// - Parameter wanted: the inodes of the sockets to look for.
  /// - Throws: EPROTONOSUPPORT and others where the kernel has no such diagnostics, or does not let this process use them.
  package static func records(of wanted: Set<UInt64>) throws(SystemError) -> SocketRecords {
    let socket = try FileDescriptor(checking: ipc_diagnostics_open(), "socket", "NETLINK_SOCK_DIAG", at: .here())
    for _ in 0..<3 {
      let diagnostics = try dump(wanted, socket)
      if !diagnostics.wasInterrupted { return diagnostics.finished() }
    }
    return try dump(wanted, socket).finished()
  }

  private static func dump(
    _ wanted: Set<UInt64>, _ socket: borrowing FileDescriptor
  ) throws(SystemError) -> UnixDiagnostics {
    _ = try SystemError.check(ipc_diagnostics_ask_unix(socket.number), "sendto", "NETLINK_SOCK_DIAG")
    var diagnostics = UnixDiagnostics(wanted: wanted)
    // The kernel makes its datagrams no larger than 32 KiB when there is room for as much.
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      // The shim stores as many bytes as it is told.
      let result = unsafe ipc_diagnostics_receive(socket.number, &buffer, buffer.count)
      let count = try SystemError.check(result, "recvmsg", "NETLINK_SOCK_DIAG")
      // Bytes seen as raw bytes: nothing is reinterpreted.
      if try diagnostics.read(unsafe buffer.span.extracting(first: Int(count)).bytes) { return diagnostics }
    }
  }

  package init(wanted: Set<UInt64>) {
    self.wanted = wanted
    records.found.reserveCapacity(wanted.count)
  }

  /// Takes one datagram in; true when it is the last.
  package mutating func read(_ bytes: RawSpan) throws(SystemError) -> Bool {
    var messages = NetlinkMessages(bytes)
    while let message = messages.next() {
      if message.flags & NetlinkMessages.interrupted != 0 { wasInterrupted = true }
      switch message.type {
      case NetlinkMessages.done, NetlinkMessages.error:
        // Both have the reason of a dump that was cut short, or 0.
        let code = message.content.count >= 4 ? Int32(at: message.content.lowerBound, in: bytes) : 0
        guard code == 0 else {
          throw SystemError(errno: code < 0 && code > -4096 ? -code : EIO, operation: "sock_diag")
        }
        return true
      default: add(message.content, of: bytes)
      }
    }
    return bytes.isEmpty
  }

  /// What was found, with the names of what it is connected to.
  package consuming func finished() -> SocketRecords {
    for (inode, record) in records.found {
      guard let peer = record.peerInode ?? records.waiting[inode], let name = names[peer] else { continue }
      records.found[inode]?.socket.peerAddress = name
    }
    return records
  }

  /// struct unix_diag_msg: family, type, state, a byte of padding, inode, two words of a cookie; then attributes.
  private mutating func add(_ content: Range<Int>, of bytes: RawSpan) {
    let size = 16
    guard content.count >= size else { return }
    let inode = UInt64(UInt32(at: content.lowerBound + 4, in: bytes))
    let isWanted = wanted.contains(inode)
    let isListening = UInt8(at: content.lowerBound + 2, in: bytes) == State.listen
    var attributes = Attributes()
    NetlinkMessages.forEachAttribute(in: content.lowerBound + size..<content.upperBound, of: bytes) { type, range in
      switch type {
      case 0 where range.count > 0: names[inode] = HeldSocket.unixAddress(Self.copy(range, of: bytes))
      case 2 where isWanted && range.count >= 4: attributes.peer = UInt32(at: range.lowerBound, in: bytes)
      case 3 where isListening: addWaiting(for: inode, range, of: bytes)
      case 4 where isWanted && range.count >= 8:
        attributes.queues = (UInt32(at: range.lowerBound, in: bytes), UInt32(at: range.lowerBound + 4, in: bytes))
      case 6 where isWanted && range.count >= 1: attributes.shutdown = UInt8(at: range.lowerBound, in: bytes)
      default: break
      }
    }
    guard isWanted else { return }
    let type = UInt8(at: content.lowerBound + 1, in: bytes)
    let state = UInt8(at: content.lowerBound + 2, in: bytes)
    records.found[inode] = attributes.record(type: type, state: state, address: names[inode])
  }

  /// The inodes of those who have connected to a listener and were not accepted yet.
  private mutating func addWaiting(for listener: UInt64, _ range: Range<Int>, of bytes: RawSpan) {
    for position in stride(from: range.lowerBound, through: range.upperBound - 4, by: 4) {
      let inode = UInt64(UInt32(at: position, in: bytes))
      if wanted.contains(inode) { records.waiting[inode] = listener }
    }
  }

  private static func copy(_ range: Range<Int>, of bytes: RawSpan) -> [UInt8] {
    range.map { UInt8(at: $0, in: bytes) }
  }

  private enum State {
    static let established: UInt8 = 1
    static let listen: UInt8 = 10
  }

  /// The attributes of one socket: UNIX_DIAG_PEER, _RQLEN and _SHUTDOWN.
  private struct Attributes {
    var peer: UInt32?
    var queues: (receive: UInt32, send: UInt32)?
    var shutdown: UInt8 = 0

    func record(type: UInt8, state: UInt8, address: String?) -> SocketRecord {
      let shown: HeldSocket.State =
        switch state {
        case State.listen: .listening
        // A datagram socket is so to the kernel as soon as another is connected to it.
        case State.established where peer != nil: .connected
        default: .unconnected
        }
      let socket = HeldSocket(
        protocolName: HeldSocket.unixName(type: UInt64(type)), state: shown, address: address,
        receiveQueue: queues?.receive,
        sendQueue: queues?.send,
        isShutDownForReading: shutdown & 1 != 0)
      // A peer without an inode has no descriptor: it was closed, or was not accepted yet, which a stream tells by not
      // being shut down.
      let isConnected = shown != .listening && peer != nil
      let isGone = isConnected && peer == 0 && (shutdown & 3 == 3 || type == 2)
      return SocketRecord(
        socket: socket, peerInode: peer.flatMap { $0 == 0 || !isConnected ? nil : UInt64($0) }, peerIsGone: isGone)
    }
  }
}
