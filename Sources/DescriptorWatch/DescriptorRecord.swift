// One descriptor as fdwatch keeps it: what the census tells, in a form that can be written to a file and compared later.

package import IPCKit

/// A descriptor that a process held. These are the objects of `descriptors` in fdwatch's JSON: what is not known is left
/// out, names and paths are foreign text.
package struct DescriptorRecord: Codable, Hashable, Sendable {
  package var number: Int32
  /// `unix stream socket`, `terminal master`, `epoll`.
  package var kind: String
  /// What is known beside, in words: `reading`, `/var/log/x`.
  package var details: [String]
  /// The kernel's own word for what it leads to.
  package var target: String
  /// `reading`, `writing`, `reading and writing`, `path only`.
  package var access: String
  package var isNonBlocking: Bool
  package var isCloseOnExec: Bool
  /// The position in a file, in bytes.
  package var offset: Int64
  /// Of a regular file, in bytes.
  package var size: Int64?
  package var inode: UInt64?
  package var device: UInt64?
  /// What else tells two files of one kind apart.
  package var identity: UInt64?
  /// A pseudo-terminal's.
  package var terminalIndex: Int?
  /// Of a pidfd, the process; nil when it has gone or is out of sight.
  package var processID: Int32?
  package var socket: Socket?
  /// What an epoll instance watches.
  package var watches: [Watch]?
  package var otherEnd: End?
  /// Where it was made, for processes that record it.
  package var origin: String?

  /// What the kernel tells of a socket.
  package struct Socket: Codable, Hashable, Sendable {
    package var state: String?
    package var address: String?
    package var peerAddress: String?
    package var receiveQueue: UInt32?
    package var sendQueue: UInt32?
    package var isShutDownForReading: Bool
  }

  /// A registration of an epoll instance's.
  package struct Watch: Codable, Hashable, Sendable {
    package var number: Int32
    package var events: UInt32
    package var inode: UInt64?
  }

  /// What has become of the other end, and who holds it.
  package struct End: Codable, Hashable, Sendable {
    package var state: State
    /// Empty unless it is held.
    package var holders: [Holder]

    package enum State: String, Codable, Sendable {
      case held, gone, waitingForAccept, outOfSight
    }

    package struct Holder: Codable, Hashable, Sendable {
      package var pid: Int32
      package var name: String
      package var number: Int32
    }
  }
}

extension DescriptorRecord {
  /// What a census tells of it.
  package init(_ held: HeldDescriptor) {
    number = held.number
    kind = held.kind.name
    details = held.details
    target = held.target
    access = held.access.rawValue
    isNonBlocking = held.isNonBlocking
    isCloseOnExec = held.isCloseOnExec
    offset = held.offset
    size = held.size
    inode = held.inode
    device = held.device
    identity = held.identity
    otherEnd = held.otherEnd.map(End.init)
    origin = held.origin?.description
    switch held.kind {
    case .terminalMaster(let index), .terminalSlave(let index): terminalIndex = index
    case .pidfd(let process): processID = process
    case .socket(let found): socket = Socket(found)
    case .epoll(let targets):
      watches = targets.map { Watch(number: $0.number, events: $0.events, inode: $0.inode) }
    default: break
    }
  }

  /// Whether both are the same file under their numbers, as far as can be told.
  package func isSameFile(as other: DescriptorRecord) -> Bool { file == other.file }

  private var file: FileIdentity {
    FileIdentity(inode: inode, device: device, identity: identity, target: target)
  }
}

extension DescriptorRecord.Socket {
  fileprivate init(_ socket: HeldSocket) {
    state = socket.state?.rawValue
    address = socket.address
    peerAddress = socket.peerAddress
    receiveQueue = socket.receiveQueue
    sendQueue = socket.sendQueue
    isShutDownForReading = socket.isShutDownForReading
  }
}

extension DescriptorRecord.End {
  fileprivate init(_ end: OtherEnd) {
    holders = []
    switch end {
    case .held(let found):
      state = .held
      holders = found.map { Holder(pid: $0.processID, name: $0.processName, number: $0.number) }
    case .gone: state = .gone
    case .waitingForAccept: state = .waitingForAccept
    case .outOfSight: state = .outOfSight
    }
  }
}
