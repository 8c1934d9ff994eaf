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
      do throws(SystemError) {
        protocols[index] = try listing.socketProtocol(descriptors[index].number).map(Self.listName)
      } catch {
        // Where it may not be asked, it is a socket all the same.
        protocols[index] = HeldSocket().protocolName
      }
    }
    // A dump of many may miss some while others come and go.
    if protocols.values.contains(where: { $0.hasPrefix("unix") }) {
      adopt(Self.unixRecords(of: wanted, lists), for: &unknown)
      adopt(lists.unix(wanted), for: &unknown)
    }
    for name in Set(protocols.values) { adopt(Self.records(of: wanted, name, lists), for: &unknown) }
    for index in unknown {
      guard let name = protocols[index] else { continue }
      descriptors[index].kind = .socket(HeldSocket(protocolName: name))
    }
    // What has no protocol any more was closed meanwhile.
    let closed = Set(unknown.filter { protocols[$0] == nil })
    missed += closed.count
    if !closed.isEmpty {
      descriptors = descriptors.indices.filter { !closed.contains($0) }.map { descriptors[$0] }
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
    switch name {
    // The two ends of a connection may be one in each.
    case "tcp", "tcp6": lists.internet(["tcp", "tcp6"], wanted)
    case "udp", "udp6", "raw", "raw6", "icmp", "icmp6", "udplite", "udplite6": lists.internet([name], wanted)
    case "netlink": lists.netlink(wanted)
    default: SocketRecords()
    }
  }

  /// A protocol's name in the kernel's lists, which is ours, by the name that the socket has for it.
  private static func listName(_ name: String) -> String {
    let name = name.lowercased()
    return names[name] ?? name
  }

  private static let names = [
    "tcpv6": "tcp6", "udpv6": "udp6", "rawv6": "raw6", "ping": "icmp", "pingv6": "icmp6", "udp-lite": "udplite",
    "udplitev6": "udplite6", "unix-stream": "unix stream", "mptcp": "tcp", "mptcpv6": "tcp6",
  ]

  /// Takes over what was found, and keeps in `unknown` what was not.
  private mutating func adopt(_ records: SocketRecords, for unknown: inout [Int]) {
    unknown.removeAll { index in
      guard let inode = descriptors[index].inode, let record = records.found[inode] else { return false }
      descriptors[index].kind = .socket(record.socket)
      descriptors[index].peerInode = record.peerInode
      if records.waiting[inode] != nil {
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
