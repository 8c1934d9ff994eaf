// What a descriptor leads to, with what the kernel tells of each kind: the words in which a census counts.

/// The kind of thing that a descriptor leads to.
///
/// ```swift
/// for held in try DescriptorCensus().descriptors {
///   if case .eventfd(let count) = held.kind { print(held.number, "counts", count) }
/// }
/// ```
public enum DescriptorKind: Hashable, Sendable {
  /// A regular file that has a name.
  case file
  /// A regular file without a name any more: its bytes take room until the last descriptor is closed.
  case deletedFile
  /// A directory, with or without a name.
  case directory
  /// A symbolic link itself, opened with O_PATH.
  case symbolicLink
  /// A character or block device that is no end of a pseudo-terminal.
  case device
  /// The side of a pseudo-terminal that a terminal program holds; the other one is /dev/pts/`index`. pts(4).
  ///
  /// The index is nil where the kernel does not tell it: before 4.15.
  case terminalMaster(index: Int?)
  /// The side of a pseudo-terminal that a shell has for its terminal.
  case terminalSlave(index: Int?)
  /// An end of a pipe without a name. pipe(2).
  case pipe
  /// An end of a FIFO in the file system, or its O_PATH descriptor. fifo(7).
  case fifo
  /// A socket of any family. socket(2).
  case socket(HeldSocket)
  /// An epoll instance with what it watches, as it was registered. epoll(7).
  case epoll([EpollTarget])
  /// A counter for events, at the moment with this value. eventfd(2).
  case eventfd(count: UInt64)
  /// A timer. timerfd_create(2).
  case timerfd(HeldTimer)
  /// Signals that are read, by their numbers. signalfd(2).
  case signalfd([Int32])
  /// An inotify instance with so many watches. inotify(7).
  case inotify(watches: Int)
  /// A process; nil when it has ended and was reaped, or is in a process namespace out of sight. pidfd_open(2).
  case pidfd(processID: Int32?)
  /// A file in memory, by the name it was made with. memfd_create(2).
  case memfd(name: String)
  /// A namespace, by its type: `net`, `mnt`. namespaces(7).
  case namespace(String)
  /// Another file without a place, by the kernel's name for it: `io_uring`, `bpf-map`, `userfaultfd`, `[perf_event]`.
  case anonymous(String)
  /// Something else, whose ``HeldDescriptor/target`` is all that is known.
  case other

  /// The kind in a few words without details, to count by: `unix stream socket`, `terminal master`, `io_uring`.
  public var name: String {
    switch self {
    case .file: "file"
    case .deletedFile: "deleted file"
    case .directory: "directory"
    case .symbolicLink: "symbolic link"
    case .device: "device"
    case .terminalMaster: "terminal master"
    case .terminalSlave: "terminal slave"
    case .pipe: "pipe"
    case .fifo: "FIFO"
    case .socket(let socket): "\(socket.protocolName) socket"
    case .epoll: "epoll"
    case .eventfd: "eventfd"
    case .timerfd: "timerfd"
    case .signalfd: "signalfd"
    case .inotify: "inotify"
    case .pidfd: "pidfd"
    case .memfd: "memfd"
    case .namespace(let type): "\(type) namespace"
    case .anonymous(let name): name
    case .other: "other"
    }
  }
}

/// What an epoll instance watches.
public struct EpollTarget: Hashable, Sendable {
  /// The number under which it was registered. It may be another file's by now, or nobody's: a registration belongs to
  /// the open file, not to the number.
  public let number: Int32
  /// The events waited for, as epoll_ctl(2) has them.
  public let events: UInt32
  /// The watched file's inode, to tell whether ``number`` still leads there; nil before Linux 5.10.
  public let inode: UInt64?
}

/// The state of a timer.
public struct HeldTimer: Hashable, Sendable {
  /// The clock's number, as in clock_gettime(2).
  public let clock: Int32
  /// Until it expires; zero when it is not armed.
  public let remaining: Duration
  /// From one expiration to the next; zero for a timer that expires once.
  public let interval: Duration
}
