// What /proc/PID/fdinfo tells of a descriptor. proc(5), and the kernel's own list of what each kind adds.

/// The lines of one file there, as far as they are of use here. Lines of kernels to come are passed over.
package struct DescriptorInformation {
  /// open(2)'s flags, with O_CLOEXEC for the descriptor's own. Nil in what is no such text at all.
  package private(set) var flags: UInt32?
  package private(set) var offset: Int64 = 0
  package private(set) var inode: UInt64?
  package private(set) var terminalIndex: Int?
  /// A pidfd's; nil when the process has gone.
  package private(set) var processID: Int32?
  package private(set) var count: UInt64 = 0
  package private(set) var identity: UInt64?
  package private(set) var targets: [EpollTarget] = []
  package private(set) var signals: UInt64 = 0
  package private(set) var watches = 0
  package private(set) var clock: Int32 = 0
  package private(set) var remaining = Duration.zero
  package private(set) var interval = Duration.zero

  package init(parsing bytes: Span<UInt8>) {
    var scanner = TextScanner(bytes)
    while scanner.nextLine() { readLine(&scanner) }
  }

  private mutating func readLine(_ line: inout TextScanner) {
    switch line.first {
    // What some kinds print below these is a stranger's text, which may look like them: the first is the kernel's.
    case UInt8(ascii: "p") where flags == nil && line.skip("pos:"):
      offset = line.number().map { Int64(bitPattern: $0) } ?? 0
    case UInt8(ascii: "f") where flags == nil && line.skip("flags:"):
      flags = line.number(radix: 8).map { UInt32(truncatingIfNeeded: $0) }
    case UInt8(ascii: "i") where inode == nil && line.skip("ino:"):
      inode = line.number()
    case UInt8(ascii: "m") where line.skip("mnt_id:"):
      return
    case UInt8(ascii: "t") where line.skip("tfd:"):
      addTarget(&line)
    case UInt8(ascii: "i") where line.skip("inotify wd:"):
      watches += 1
    default:
      readRareLine(&line)
    }
  }

  private mutating func readRareLine(_ line: inout TextScanner) {
    if line.skip("tty-index:") {
      terminalIndex = line.number().flatMap { Int(exactly: $0) }
    } else if line.skip("Pid:") {
      // 0: of a process namespace that this one cannot see. -1: gone.
      processID = line.number().flatMap { Int32(exactly: $0) }.flatMap { $0 > 0 ? $0 : nil }
    } else if line.skip("eventfd-count:") {
      count = line.number(radix: 16) ?? 0
    } else if line.skip("eventfd-id:") {
      identity = line.number()
    } else if line.skip("sigmask:") {
      signals = line.number(radix: 16) ?? 0
    } else if line.skip("clockid:") {
      clock = line.number().flatMap { Int32(exactly: $0) } ?? 0
    } else if line.skip("it_value:") {
      remaining = Self.duration(&line)
    } else if line.skip("it_interval:") {
      interval = Self.duration(&line)
    }
  }

  /// `        7 events:       19 data:     7f5b00000003  pos:0 ino:ed81a6 sdev:9`
  private mutating func addTarget(_ line: inout TextScanner) {
    guard let number = line.number().flatMap({ Int32(exactly: $0) }), line.skip(through: "events:") else { return }
    let events = line.number(radix: 16).map { UInt32(truncatingIfNeeded: $0) } ?? 0
    let inode = line.skip(through: " ino:") ? line.number(radix: 16) : nil
    targets.append(EpollTarget(number: number, events: events, inode: inode))
  }

  /// ` (3, 250000000)`: seconds and nanoseconds.
  private static func duration(_ line: inout TextScanner) -> Duration {
    guard line.skip(through: "("), let seconds = line.number().flatMap({ Int64(exactly: $0) }) else { return .zero }
    guard line.skip(through: ","), let nanoseconds = line.number().flatMap({ Int64(exactly: $0) }) else { return .zero }
    return .seconds(seconds) + .nanoseconds(nanoseconds)
  }
}
