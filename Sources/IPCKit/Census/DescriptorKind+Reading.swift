// The kind of a descriptor, from the three things that are known of it.

internal import CIPCShim
internal import Glibc

extension DescriptorKind {
  /// - Parameter status: of what has a path; nil where its file system does not answer.
  init(_ target: DescriptorTarget, _ information: DescriptorInformation, _ status: ipc_held_status?) {
    switch target.form {
    case .socket: self = .socket(HeldSocket())
    case .pipe: self = .pipe
    case .memory(let name): self = .memfd(name: name)
    case .word("pidfd", _): self = .pidfd(processID: information.processID)
    case .word(let type, _) where Self.namespaces.contains(type): self = .namespace(type)
    case .anonymous(let name): self = Self.anonymous(name, information)
    case .path: self = Self.file(information, status)
    case .word, .unknown: self = .other
    }
  }

  private static let namespaces: Set = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"]

  private static func anonymous(_ name: String, _ information: DescriptorInformation) -> DescriptorKind {
    switch name {
    case "eventpoll": .epoll(information.targets)
    case "eventfd": .eventfd(count: information.count)
    case "timerfd":
      .timerfd(
        HeldTimer(clock: information.clock, remaining: information.remaining, interval: information.interval))
    case "signalfd": .signalfd((1...64).filter { information.signals >> UInt64($0 - 1) & 1 == 1 })
    case "inotify": .inotify(watches: information.watches)
    case "pidfd": .pidfd(processID: information.processID)
    default: .anonymous(name)
    }
  }

  private static func file(_ information: DescriptorInformation, _ status: ipc_held_status?) -> DescriptorKind {
    guard let status else { return .other }
    switch status.mode & S_IFMT {
    case S_IFREG: return status.links == 0 ? .deletedFile : .file
    case S_IFDIR: return .directory
    case S_IFLNK: return .symbolicLink
    case S_IFIFO: return .fifo
    case S_IFBLK: return .device
    case S_IFCHR: return device(information, status)
    default: return .other
    }
  }

  /// The kernel's numbers for terminals: devices.txt of its documentation.
  private static func device(_ information: DescriptorInformation, _ status: ipc_held_status) -> DescriptorKind {
    switch (status.major, status.minor) {
    case (5, 2): .terminalMaster(index: information.terminalIndex)
    case (136...143, let minor): .terminalSlave(index: Int(status.major - 136) << 8 + Int(minor))
    default: .device
    }
  }
}
