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
    var seen: Set<UInt64> = []
    while line.nextLine() {
      guard line.skip(words: 3), let flags = line.number(radix: 16), let type = line.number(radix: 16),
        let state = line.number(radix: 16), let inode = line.number(), wanted.contains(inode)
      else { continue }
      // A name may have line breaks, and lines of its own that say something of others: then neither is believed.
      guard seen.insert(inode).inserted else {
        records.found[inode] = SocketRecord(socket: HeldSocket(protocolName: "unix"))
        continue
      }
      line.skipBlanks()
      let address = line.rest()
      let isListening = flags & 0x10000 != 0
      // A datagram socket is connected there as soon as another is connected to it.
      let isConnected = type == 2 ? nil : HeldSocket.State.connected
      records.found[inode] = SocketRecord(
        socket: HeldSocket(
          protocolName: HeldSocket.unixName(type: type),
          state: isListening ? .listening : state == 3 ? isConnected : .unconnected,
          address: address.isEmpty ? nil : address))
    }
    return records
  }

  /// /proc/PID/net/tcp and its like: `sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout
  /// inode`. The two ends of a connection within the namespace know each other by their addresses.
  package func internet(_ names: [String], _ wanted: Set<UInt64>) -> SocketRecords {
    var records = SocketRecords()
    var inodes: [String: UInt64] = [:]
    var peers: [UInt64: String] = [:]
    for name in names {
      let contents = contents(name)
      var line = TextScanner(contents.span)
      while line.nextLine() {
        guard line.skip(words: 1), let local = line.word(), let remote = line.word(),
          let state = line.number(radix: 16), let send = line.number(radix: 16), line.skip(":"),
          let receive = line.number(radix: 16), line.skip(words: 4), let inode = line.number()
        else { continue }
        inodes[InternetAddress.key(local) + InternetAddress.key(remote)] = inode
        guard inode != 0, wanted.contains(inode) else { continue }
        let shown = InternetAddress.text(remote)
        if shown != nil { peers[inode] = InternetAddress.key(remote) + InternetAddress.key(local) }
        let queue = state == Self.listening ? nil : UInt32(truncatingIfNeeded: send)
        records.found[inode] = SocketRecord(
          socket: HeldSocket(
            protocolName: name, state: Self.states[state], address: InternetAddress.text(local), peerAddress: shown,
            receiveQueue: UInt32(truncatingIfNeeded: receive), sendQueue: queue,
            isShutDownForReading: Self.closedByPeer.contains(state)))
      }
    }
    for (inode, peer) in peers { records.connect(inode, to: inodes[peer]) }
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
          receiveQueue: UInt32(truncatingIfNeeded: receive), sendQueue: UInt32(truncatingIfNeeded: send)))
    }
    return records
  }

  private func contents(_ name: String) -> [UInt8] { (try? KernelText.contents(of: "\(path)/net/\(name)")) ?? [] }

  private static let listening: UInt64 = 10
  /// CLOSE_WAIT, LAST_ACK and CLOSING: nothing more comes.
  private static let closedByPeer: Set<UInt64> = [8, 9, 11]

  /// The kernel's numbers of states, which UDP and raw sockets use for being connected or not.
  private static let states: [UInt64: HeldSocket.State] = [
    1: .connected, 2: .connecting, 3: .synReceived, 4: .finWait1, 5: .finWait2, 6: .timeWait, 7: .unconnected,
    8: .closeWait, 9: .lastAck, listening: .listening, 11: .closing, 12: .synReceived,
  ]

  /// What netlink sockets speak, as ss names it.
  private static let netlinkFamilies: [UInt64: String] = [
    0: "route", 2: "usersock", 4: "sock-diag", 5: "nflog", 6: "xfrm", 7: "selinux", 8: "iscsi", 9: "audit", 10: "fib",
    11: "connector", 12: "netfilter", 15: "uevent", 16: "generic", 18: "scsitransport", 20: "rdma", 21: "crypto",
  ]
}
