// One line of a census: a number, what it leads to, how it was opened, and who holds the other end.

/// A descriptor that a process held when a census was taken.
///
/// It is a description: the descriptor itself stays the process's own, and may be closed by now.
///
/// ```swift
/// for held in try DescriptorCensus().descriptors where held.number > 2 && !held.isCloseOnExec {
///   print(held)  // 7 pipe, reading, no close-on-exec
/// }
/// ```
public struct HeldDescriptor: Hashable, Sendable {
  /// The process that holds it.
  public let processID: Int32
  /// Its number there.
  public let number: Int32
  /// What it leads to.
  public internal(set) var kind: DescriptorKind
  /// The same in the kernel's words: a path, `socket:[123]`, `anon_inode:[eventpoll]`. readlink(2) of /proc/PID/fd.
  ///
  /// A path is as seen from the root of the one who looks, where it can be reached from there. It is foreign text: control characters are in it as they are.
  public var target: String {
    switch kind {
    case .socket: "socket:[\(inode ?? 0)]"
    case .pipe: "pipe:[\(inode ?? 0)]"
    default: link
    }
  }
  /// What the open file may be used for.
  public let access: Access
  /// Whether reads and writes return EAGAIN instead of waiting.
  public let isNonBlocking: Bool
  /// Whether it is closed when the process executes another program. Where it is not, every program that the process
  /// starts inherits it.
  public let isCloseOnExec: Bool
  /// The position in a file, in bytes.
  public let offset: Int64
  /// How many bytes a regular file has; nil for what is none.
  public let size: Int64?
  /// The inode; nil for files without a place, such as epoll's, which share one.
  public let inode: UInt64?
  /// The device of the file system that the inode is in, for what has a path.
  public let device: UInt64?
  /// Who holds the other end; nil for what has none, and where nobody has looked yet.
  ///
  /// A census finds ends within the same process, those that are gone, and those that wait for accept(2);
  /// ``DescriptorCensus/findOtherEnds()`` looks into all other processes.
  public internal(set) var otherEnd: OtherEnd?
  /// Where in the source it was made, for this process's own while ``DescriptorOrigin`` records it.
  public internal(set) var origin: DescriptorOrigin?

  /// The target of what is neither a socket nor a pipe: of those there can be thousands, and their inode says it all.
  let link: String
  /// What else tells two files of one kind apart: an eventfd's id, for example.
  package let identity: UInt64?
  /// The other end's inode, where the kernel names it.
  var peerInode: UInt64?

  /// What an open file may be used for.
  public enum Access: String, Hashable, Sendable, CaseIterable {
    /// That alone: O_RDONLY and O_WRONLY.
    case reading, writing
    /// O_RDWR.
    case both = "reading and writing"
    /// O_PATH: it names a file and does not open it.
    case neither = "path only"
  }

  /// Whether this and `other` are the same file, as far as can be told.
  ///
  /// Kinds without an inode of their own, such as epoll or timerfd, are the same when they are of the same kind: a second
  /// one under the number of the first is not seen.
  public func isSameFile(as other: HeldDescriptor) -> Bool {
    FileIdentity(self) == FileIdentity(other)
  }
}

/// Who holds the other end of a pipe, of a connected socket or of a pseudo-terminal.
public enum OtherEnd: Hashable, Sendable {
  /// These hold it: at least one, by process and number.
  case held([DescriptorHolder])
  /// Nobody does: reads come to an end, writes fail. Of a socket the kernel says so; of a pipe and a terminal it is what a
  /// look into all processes has shown, to which an end in a message under way is not shown.
  case gone
  /// It is a connection that no accept(2) has taken from the listener's backlog yet.
  case waitingForAccept
  /// It is there, but no process that can be seen holds it: another user's does, or one outside of this container, or it is
  /// in a message under way. Of a pipe and a terminal also: it may be gone.
  case outOfSight
}

/// A descriptor in a process, as the holder of another one's other end.
public struct DescriptorHolder: Hashable, Sendable {
  /// The process.
  public let processID: Int32
  /// Its name, at most 15 bytes, from /proc/PID/comm. It is foreign text.
  public let processName: String
  /// The descriptor's number there.
  public let number: Int32

  /// Makes one from its parts.
  public init(processID: Int32, processName: String, number: Int32) {
    self.processID = processID
    self.processName = processName
    self.number = number
  }
}
