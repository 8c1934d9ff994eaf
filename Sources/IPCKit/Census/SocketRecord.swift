// What is known of a socket by its inode, before it is known who holds it.

/// One socket of a network namespace, as the kernel's lists have it.
package struct SocketRecord {
  package var socket: HeldSocket
  /// The other end's inode, when it has one.
  package var peerInode: UInt64?
  /// Whether it was connected to something that has been closed.
  package var peerIsGone = false
}

/// The sockets that were looked for, and what the lists told about them.
package struct SocketRecords {
  /// By inode: those that are looked for and were found.
  package var found: [UInt64: SocketRecord] = [:]
  /// The inodes of connected sockets that wait in a listener's backlog, each with the listener's.
  package var waiting: [UInt64: UInt64] = [:]

  /// Takes in what the list says of the other end of an internet connection: its inode, which is 0 for a connection that no
  /// accept(2) has taken and for one that was closed; nil when it is on another machine.
  mutating func connect(_ inode: UInt64, to peer: UInt64?) {
    guard let peer else { return }
    if peer != 0 {
      found[inode]?.peerInode = peer
    } else if found[inode]?.socket.state == .connected {
      waiting[inode] = 0
    } else {
      found[inode]?.peerIsGone = true
    }
  }
}

extension HeldSocket {
  /// The name for the kernel's number of a Unix socket's type.
  static func unixName(type: UInt64) -> String {
    switch type {
    case 1: "unix stream"
    case 2: "unix datagram"
    case 5: "unix seqpacket"
    default: "unix"
    }
  }

  /// A Unix address as it is written: a path, or `@` and the abstract name, in which `@` stands for each NUL too.
  static func unixAddress(_ bytes: some Collection<UInt8>) -> String {
    guard bytes.first == 0 else { return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    return String(decoding: bytes.map { $0 == 0 ? UInt8(ascii: "@") : $0 }, as: UTF8.self)
  }
}
