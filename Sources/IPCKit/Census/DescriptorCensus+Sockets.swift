// What the sockets of a census are: asked for once for all of them, and only of the families that there are.

extension DescriptorCensus {
  /// Replaces each socket that was found by what the kernel tells of it.
  mutating func describeSockets(_ listing: borrowing ProcessListing) {
    var wanted: Set<UInt64> = []
    for held in descriptors {
      if case .socket = held.kind, let inode = held.inode { wanted.insert(inode) }
    }
    guard !wanted.isEmpty else { return }
    let lists = SocketLists(path: listing.path)
    adopt(Self.unixRecords(of: wanted, lists))
    var protocols: [Int: String] = [:]
    for (index, held) in descriptors.enumerated() where held.isUnknownSocket {
      protocols[index] = listing.socketProtocol(held.number)?.lowercased()
    }
    for name in Set(protocols.values) { adopt(Self.records(of: wanted, name, lists)) }
    for (index, name) in protocols where descriptors[index].isUnknownSocket {
      // It is in no list: nobody has bound or connected it.
      let shown = Self.names[name] ?? name
      descriptors[index].kind = .socket(
        HeldSocket(protocolName: shown, state: Self.internet.contains(shown) ? .unconnected : nil))
    }
  }

  private static func unixRecords(of wanted: Set<UInt64>, _ lists: SocketLists) -> SocketRecords {
    // Diagnostics are those of the asker's own network namespace.
    guard KernelText.link("/proc/self/ns/net") == KernelText.link("\(lists.path)/ns/net"),
      let records = try? UnixDiagnostics.records(of: wanted)
    else { return lists.unix(wanted) }
    return records
  }

  private static func records(of wanted: Set<UInt64>, _ name: String, _ lists: SocketLists) -> SocketRecords {
    let shown = names[name] ?? name
    if internet.contains(shown) { return lists.internet(shown, wanted) }
    return shown == "netlink" ? lists.netlink(wanted) : SocketRecords()
  }

  /// The kernel's names of protocols, in lower case, where a list in /proc/net is called otherwise.
  private static let names = [
    "tcpv6": "tcp6", "udpv6": "udp6", "rawv6": "raw6", "ping": "icmp", "pingv6": "icmp6", "udp-lite": "udplite",
    "udplitev6": "udplite6",
  ]
  private static let internet: Set = [
    "tcp", "tcp6", "udp", "udp6", "raw", "raw6", "icmp", "icmp6", "udplite", "udplite6",
  ]

  private mutating func adopt(_ records: SocketRecords) {
    for index in descriptors.indices where descriptors[index].isUnknownSocket {
      guard let inode = descriptors[index].inode, let record = records.found[inode] else { continue }
      descriptors[index].kind = .socket(record.socket)
      descriptors[index].peerInode = record.peerInode
      if records.waiting.contains(inode) {
        descriptors[index].otherEnd = .waitingForAccept
      } else if record.peerIsGone {
        descriptors[index].otherEnd = .gone
      }
    }
  }
}

extension HeldDescriptor {
  fileprivate var isUnknownSocket: Bool {
    if case .socket(let socket) = kind { socket == HeldSocket() } else { false }
  }
}
