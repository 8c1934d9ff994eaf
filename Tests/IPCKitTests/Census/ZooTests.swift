// One descriptor of every kind, and three who say what it is: the process that made it, lsof and ss.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct ZooTests {
  @Test func everyDescriptorIsWhatItsMakerAndLsofAndSsSay() throws {
    let zoo = try Zoo()
    #expect(zoo.descriptors.count > 40, "\(zoo.refused)")
    for told in zoo.descriptors {
      guard let held = zoo.census[told.number] else {
        Issue.record("\(told) is not in the census")
        continue
      }
      let context: Comment = "\(told.kind): \(held)"
      #expect(Self.names[told.kind] ?? told.kind == held.kind.name, context)
      #expect(told.facts["cloexec"] == (held.isCloseOnExec ? "1" : "0"), context)
      #expect(told.facts["nonblocking"] == (held.isNonBlocking ? "1" : "0"), context)
      if let inode = held.inode { #expect(told.facts["inode"] == "\(inode)", context) }
      #expect(told.agrees(with: held, zoo.processID), context)
      let doesLsofAgree = zoo.lsofAgrees(held)
      #expect(doesLsofAgree, "\(told.kind): \(held); lsof: \(zoo.lsof[held.number].map { "\($0)" } ?? "nothing")")
      if let inode = held.inode, let entry = zoo.ss[inode] {
        let doesSsAgree = zoo.agrees(held, with: entry)
        #expect(doesSsAgree, "\(told.kind): \(held); ss: \(entry)")
      }
    }
    let sockets = zoo.census.descriptors.filter { Self.isListed($0) }
    #expect(sockets.allSatisfy { zoo.ss[$0.inode ?? 0] != nil }, "ss knows all that are bound or connected")
  }

  /// Whether ss lists such a socket.
  private static func isListed(_ held: HeldDescriptor) -> Bool {
    guard case .socket(let socket) = held.kind else { return false }
    return socket.protocolName.hasPrefix("unix") || socket.address != nil && socket.protocolName.hasPrefix("tcp")
  }

  /// The census's names for the maker's, where they are not the same.
  private static let names: [String: String] = [
    "unix-pair-with-child": "unix stream socket", "pipe-with-child": "pipe", "file-inherited": "file",
    "file-nonblocking": "file", "file-path-only": "file", "link-path-only": "symbolic link",
    "file-deleted": "deleted file", "file-unnamed": "deleted file", "file-proc": "file", "namespace": "net namespace",
    "terminal-master": "terminal master", "terminal-slave": "terminal slave", "pipe-read": "pipe", "pipe-write": "pipe",
    "pipe-unread": "pipe", "fifo": "FIFO", "unix-stream-listening": "unix stream socket",
    "unix-stream-client": "unix stream socket", "unix-stream-accepted": "unix stream socket",
    "unix-stream-waiting": "unix stream socket", "unix-stream-abstract": "unix stream socket",
    "unix-stream-unbound": "unix stream socket", "unix-stream-pair": "unix stream socket",
    "unix-stream-peer-closed": "unix stream socket", "unix-datagram-bound": "unix datagram socket",
    "unix-datagram-connected": "unix datagram socket", "unix-datagram-pair": "unix datagram socket",
    "unix-seqpacket-listening": "unix seqpacket socket", "unix-seqpacket-pair": "unix seqpacket socket",
    "tcp-listening-v4": "tcp socket", "tcp-client-v4": "tcp socket", "tcp-accepted-v4": "tcp socket",
    "tcp-close-wait-v4": "tcp socket", "udp-bound-v4": "udp socket", "udp-connected-v4": "udp socket",
    "tcp-listening-v6": "tcp6 socket", "tcp-client-v6": "tcp6 socket", "tcp-accepted-v6": "tcp6 socket",
    "tcp-close-wait-v6": "tcp6 socket", "udp-bound-v6": "udp6 socket", "udp-connected-v6": "udp6 socket",
    "tcp-unbound": "tcp socket", "netlink": "netlink socket", "packet": "packet socket", "raw-v4": "raw socket",
    "vsock": "af_vsock socket", "pidfd-ended": "pidfd", "perf-event": "perf_event", "landlock": "landlock-ruleset",
    // The kernel's own file system for queues has regular files, and no name for them any more.
    "mqueue": "deleted file",
  ]
}

extension ZooDescriptor {
  /// Whether what the maker knows of the descriptor and of its peer is what the census found.
  fileprivate func agrees(with held: HeldDescriptor, _ processID: Int32) -> Bool {
    let path = facts["path"] ?? facts["name"]
    switch held.kind {
    case .file, .directory, .device, .symbolicLink, .fifo: return path == nil || held.target == path
    case .epoll(let targets): return targets.map { "\($0.number)" }.sorted().joined(separator: ",") == facts["watches"]
    case .eventfd(let count): return "\(count)" == facts["count"]
    case .inotify(let watches): return "\(watches)" == facts["watches"]
    case .pidfd(let process): return process.map { "\($0)" } == facts["process"]
    case .memfd(let name): return name == facts["name"]
    case .signalfd(let signals): return signals == [SIGUSR1, SIGUSR2]
    case .timerfd(let timer): return timer.interval == .seconds(3600) && timer.clock == CLOCK_MONOTONIC
    case .terminalMaster(let index): return facts["slave"] == index.map { "/dev/pts/\($0)" }
    case .terminalSlave: return held.target == path && isHeld(held.otherEnd, by: processID, "master")
    case .pipe: return isPeerTold(held.otherEnd, processID)
    case .socket(let socket):
      guard isPeerTold(held.otherEnd, processID) else { return false }
      if let queued = facts["queued"], "\(socket.receiveQueue ?? 0)" != queued { return false }
      if let waiting = facts["waiting"], "\(socket.receiveQueue ?? 9)" != waiting { return false }
      if let port = facts["port"], socket.address?.hasSuffix(":\(port)") != true { return false }
      if let port = facts["peer-port"], socket.peerAddress?.hasSuffix(":\(port)") != true { return false }
      return path == nil || path == socket.address || path == socket.peerAddress
    default: return true
    }
  }

  private func isPeerTold(_ end: OtherEnd?, _ processID: Int32) -> Bool {
    if let child = facts["child"].flatMap({ Int32($0) }) { return isHeld(end, by: child, "child-number") }
    if facts["listener"] != nil { return end == .waitingForAccept }
    switch facts["peer"] {
    case nil: return kind.contains("close-wait") ? end == .gone : kind.hasPrefix("udp-connected") || end == nil
    // Of a socket the kernel says so; of a pipe it takes a look into all processes, which even root may be refused.
    case "none": return end == .gone || end == .outOfSight && kind.hasPrefix("pipe")
    default: return isHeld(end, by: processID, "peer")
    }
  }

  private func isHeld(_ end: OtherEnd?, by processID: Int32, _ fact: String) -> Bool {
    guard case .held(let holders) = end else { return false }
    return holders.contains { $0.processID == processID && "\($0.number)" == facts[fact] && $0.processName == "zoo" }
  }
}

extension Zoo {
  /// lsof's word for the type, and whom it names as the other end: `PID,NAME,NUMBERmode`.
  func lsofAgrees(_ held: HeldDescriptor) -> Bool {
    guard let entry = lsof[held.number], Self.types(of: held).contains(entry.type) else { return false }
    switch held.kind {
    case .file, .directory, .symbolicLink, .fifo: return entry.name == held.target
    case .device, .terminalSlave: return entry.name.hasPrefix(held.target) && namesHolders(entry, held)
    case .epoll(let targets):
      return entry.name == "[eventpoll:\(targets.map(\.number).sorted().map { "\($0)" }.joined(separator: ","))]"
    case .pidfd(let process): return entry.name == (process.map { "[pidfd:\($0)]" } ?? "[pidfd]")
    case .eventfd, .timerfd, .signalfd, .inotify: return entry.name.contains(held.kind.name)
    case .anonymous(let name): return entry.name == name || entry.name == "[\(name)]"
    default: return namesHolders(entry, held)
    }
  }

  private func namesHolders(_ entry: LsofEntry, _ held: HeldDescriptor) -> Bool {
    switch held.otherEnd {
    case .held(let holders):
      // Of TCP it names the address, and of UDP no process at all.
      if held.kind.name.hasPrefix("udp") { return entry.name.contains("->") }
      return holders.allSatisfy { entry.name.contains("\($0.processID),\($0.processName),\($0.number)") }
    case .gone, .waitingForAccept, .outOfSight:
      return !entry.name.contains("->") || held.kind.name.hasPrefix("tcp")
    case nil:
      // It names who has connected to a socket, which is not connected to them: they are asked.
      guard let arrow = entry.name.firstRange(of: "->INO=") else { return true }
      let inode = UInt64(entry.name[arrow.upperBound...].prefix { $0.isNumber })
      return census.descriptors.contains {
        $0.inode == inode && ($0.otherEnd == .waitingForAccept || points($0, to: held))
      }
    }
  }

  private func points(_ held: HeldDescriptor, to other: HeldDescriptor) -> Bool {
    guard case .held(let holders) = held.otherEnd else { return false }
    return holders.contains { $0.number == other.number && $0.processID == other.processID }
  }

  private static func types(of held: HeldDescriptor) -> [String] {
    switch held.kind {
    case .file, .deletedFile, .memfd, .namespace: ["REG"]
    case .directory: ["DIR"]
    case .symbolicLink: ["LINK"]
    case .device, .terminalMaster, .terminalSlave: ["CHR"]
    case .pipe, .fifo: ["FIFO"]
    case .epoll, .eventfd, .timerfd, .signalfd, .inotify, .pidfd, .anonymous: ["a_inode"]
    case .socket(let socket):
      switch socket.protocolName {
      case let name where name.hasPrefix("unix"): ["unix"]
      case "netlink": ["netlink"]
      case "packet": ["pack"]
      case "raw": ["raw"]
      // It has no better word for one that is neither bound nor connected.
      case let name: socket.address == nil ? ["sock"] : [name.hasSuffix("6") ? "IPv6" : "IPv4"]
      }
    case .other: []
    }
  }

  /// ss's words for the same socket.
  func agrees(_ held: HeldDescriptor, with entry: SsEntry) -> Bool {
    guard case .socket(let socket) = held.kind else { return false }
    let netids = [
      "unix stream": "u_str", "unix datagram": "u_dgr", "unix seqpacket": "u_seq", "tcp6": "tcp", "udp6": "udp",
    ]
    guard netids[socket.protocolName] ?? socket.protocolName == entry.netid else { return false }
    guard "\(socket.receiveQueue ?? 0)" == entry.receiveQueue else { return false }
    // It calls a datagram socket connected as soon as somebody else is connected to it.
    let isPointedTo = entry.netid == "u_dgr" && entry.peer == "0"
    guard Self.states[entry.state] == socket.state || isPointedTo && socket.state == .unconnected else { return false }
    guard (socket.address ?? "*") == entry.local else { return false }
    if entry.netid.hasPrefix("u_") { return agreesInPeer(held, entry) }
    return entry.peer == socket.peerAddress || entry.peer.hasSuffix(":*") && socket.peerAddress == nil
  }

  /// The peer of a Unix socket is an inode there.
  private func agreesInPeer(_ held: HeldDescriptor, _ entry: SsEntry) -> Bool {
    guard case .held(let holders) = held.otherEnd else { return entry.peer == "0" }
    let own = holders.filter { $0.processID == processID }
    return own.allSatisfy { "\(census[$0.number]?.inode ?? 0)" == entry.peer } && entry.peer != "0"
  }

  private static let states: [String: HeldSocket.State] = [
    "LISTEN": .listening, "ESTAB": .connected, "UNCONN": .unconnected, "CLOSE-WAIT": .closeWait,
  ]
}
