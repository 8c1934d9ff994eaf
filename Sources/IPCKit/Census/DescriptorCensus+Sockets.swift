// What the sockets of a census are: asked for once for all of them, and only of the families that there are.

extension DescriptorCensus {
  /// Replaces each socket that was found by what the kernel tells of it.
  mutating func describeSockets(_ listing: borrowing ProcessListing) {
    var unknown = descriptors.indices.filter { descriptors[$0].isSocket }
    guard !unknown.isEmpty else { return }
    var wanted = Set<UInt64>(minimumCapacity: unknown.count)
    for index in unknown { if let inode = descriptors[index].inode { wanted.insert(inode) } }
    let lists = SocketLists(path: listing.path)
    adopt(Self.unixRecords(of: wanted, lists), for: &unknown)
    var protocols: [Int: String] = [:]
    for index in unknown {
      protocols[index] = listing.socketProtocol(descriptors[index].number)?.lowercased()
    }
    for name in Set(protocols.values) { adopt(Self.records(of: wanted, name, lists), for: &unknown) }
    for index in unknown {
      guard let name = protocols[index] else { continue }
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

  /// Takes over what was found, and keeps in `unknown` what was not.
  private mutating func adopt(_ records: SocketRecords, for unknown: inout [Int]) {
    unknown.removeAll { index in
      guard let inode = descriptors[index].inode, let record = records.found[inode] else { return false }
      descriptors[index].kind = .socket(record.socket)
      descriptors[index].peerInode = record.peerInode
      if records.waiting.contains(inode) {
        descriptors[index].otherEnd = .waitingForAccept
      } else if record.peerIsGone {
        descriptors[index].otherEnd = .gone
      }
      return true
    }
  }
}

extension HeldDescriptor {
  fileprivate var isSocket: Bool { if case .socket = kind { true } else { false } }
}
