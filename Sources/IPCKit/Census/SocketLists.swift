// The lists of sockets in /proc/PID/net, which are those of the process's own network namespace: for the families that are
// not asked for by diagnostics, and for Unix sockets where diagnostics do not reach.

/// Reads lists of one process's network namespace. What cannot be read is an empty list: its sockets stay without details.
package struct SocketLists {
  /// The process's directory in /proc.
  package let path: String

  package init(path: String) { self.path = path }

  /// /proc/PID/net/unix: `Num RefCount Protocol Flags Type St Inode Path`. It does not name the other end.
  package func unix(_ wanted: Set<UInt64>) -> SocketRecords {
    let contents = contents("unix")
    var line = TextScanner(contents.span)
    var records = SocketRecords()
    while line.nextLine() {
      guard line.skip(words: 3), let flags = line.number(radix: 16), let type = line.number(radix: 16),
        let state = line.number(radix: 16), let inode = line.number(), wanted.contains(inode)
      else { continue }
      line.skipBlanks()
      let address = line.rest()
      let isListening = flags & 0x10000 != 0
      records.found[inode] = SocketRecord(
        socket: HeldSocket(
          protocolName: HeldSocket.unixName(type: type),
          state: isListening ? .listening : state == 3 ? .connected : .unconnected,
          address: address.isEmpty ? nil : address))
    }
    return records
  }

  /// /proc/PID/net/tcp and its like: `sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout
  /// inode`. The two ends of a connection within the namespace know each other by their addresses.
  package func internet(_ name: String, _ wanted: Set<UInt64>) -> SocketRecords {
    let contents = contents(name)
    var line = TextScanner(contents.span)
    var records = SocketRecords()
    var inodes: [String: UInt64] = [:]
    var peers: [UInt64: String] = [:]
    while line.nextLine() {
      guard line.skip(words: 1), let local = line.word(), let remote = line.word(),
        let state = line.number(radix: 16), let send = line.number(radix: 16), line.skip(":"),
        let receive = line.number(radix: 16), line.skip(words: 4), let inode = line.number()
      else { continue }
      inodes[local + remote] = inode
      guard wanted.contains(inode) else { continue }
      let peer = InternetAddress.text(remote)
      if peer != nil { peers[inode] = remote + local }
      let socket = HeldSocket(
        protocolName: name, state: Self.state(state), address: InternetAddress.text(local),
        peerAddress: peer, queues: (UInt32(truncatingIfNeeded: receive), UInt32(truncatingIfNeeded: send)),
        isShutDownForReading: state == Self.closeWait)
      records.found[inode] = SocketRecord(socket: socket, peerIsGone: state == Self.closeWait)
    }
    for (inode, peer) in peers { records.found[inode]?.peerInode = inodes[peer] }
    return records
  }

  /// /proc/PID/net/netlink: `sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode`.
  package func netlink(_ wanted: Set<UInt64>) -> SocketRecords {
    let contents = contents("netlink")
    var line = TextScanner(contents.span)
    var records = SocketRecords()
    while line.nextLine() {
      guard line.skip(words: 1), let family = line.number(), let port = line.number(), line.skip(words: 1),
        let receive = line.number(), let send = line.number(), line.skip(words: 3), let inode = line.number(),
        wanted.contains(inode)
      else { continue }
      records.found[inode] = SocketRecord(
        socket: HeldSocket(
          protocolName: "netlink", address: "\(Self.netlinkFamilies[family] ?? "\(family)"):\(port)",
          queues: (UInt32(truncatingIfNeeded: receive), UInt32(truncatingIfNeeded: send))))
    }
    return records
  }

  private func contents(_ name: String) -> [UInt8] { (try? KernelText.contents(of: "\(path)/net/\(name)")) ?? [] }

  private static let closeWait: UInt64 = 8

  /// The kernel's numbers of states, which UDP and raw sockets use for being connected or not.
  private static func state(_ number: UInt64) -> HeldSocket.State? {
    switch number {
    case 1: .connected
    case 2: .connecting
    case 3, 12: .synReceived
    case 4: .finWait1
    case 5: .finWait2
    case 6: .timeWait
    case 7: .unconnected
    case closeWait: .closeWait
    case 9: .lastAck
    case 10: .listening
    case 11: .closing
    default: nil
    }
  }

  /// What netlink sockets speak, as ss names it.
  private static let netlinkFamilies: [UInt64: String] = [
    0: "route", 2: "usersock", 4: "sock-diag", 5: "nflog", 6: "xfrm", 7: "selinux", 8: "iscsi", 9: "audit", 10: "fib",
    11: "connector", 12: "netfilter", 15: "uevent", 16: "generic", 18: "scsitransport", 20: "rdma", 21: "crypto",
  ]
}
