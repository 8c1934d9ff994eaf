// Who descends from this process, by what /proc tells of everybody's parent.

internal import Glibc

/// A process, by what no later one of the same number shares with it.
struct RunningProcess: Hashable {
  let processID: Int32
  /// When it began, in clock ticks since the machine started.
  private let startTime: UInt64
  private let parentID: Int32
  /// Whether its first thread has ended.
  private let isZombie: Bool
  /// Whether it is one of the kernel's own, which hold nothing: PF_KTHREAD of its flags.
  let isKernels: Bool

  /// Nil for a process that has gone.
  init?(_ processID: Int32) {
    guard let status = try? KernelText.contents(of: "/proc/\(processID)/stat"),
      let startTime = ProcessStatus.startTime(in: status), let state = ProcessStatus.text(3, in: status),
      let parentID = ProcessStatus.number(4, in: status).flatMap({ Int32(exactly: $0) }),
      let flags = ProcessStatus.number(9, in: status)
    else { return nil }
    self.processID = processID
    self.startTime = startTime
    self.parentID = parentID
    isZombie = state == "Z" || state == "X"
    isKernels = flags & 0x20_0000 != 0
  }

  /// Whether it holds nothing any more, and waits for its parent to reap it.
  var hasEnded: Bool { isZombie && threadAfterTheFirst == nil }

  /// A thread that goes on after the first has ended; nil while that one lives.
  var threadAfterTheFirst: Int32? {
    guard isZombie else { return nil }
    let threads = (try? ProcessListing.numbers(in: "/proc/\(processID)/task")) ?? []
    return threads.first { $0 != processID }
  }

  /// Children of this process, their children and so on. open(2) in /proc.
  ///
  /// It looks again until two looks have found the same: between two entries a child may change its parent.
  static func descendants() throws(SystemError) -> [RunningProcess] {
    var found = try descendantsAtOnce()
    for _ in 0..<4 {
      let next = try descendantsAtOnce()
      if next == found { break }
      found = next
    }
    return found
  }

  private static func descendantsAtOnce() throws(SystemError) -> [RunningProcess] {
    let all = try ProcessListing.processes().compactMap { RunningProcess($0) }
    let children = Dictionary(grouping: all, by: \.parentID)
    var found = children[getpid()] ?? []
    // Grows while it is gone through. A number that was handed out again meanwhile could close a circle.
    var known = Set(found.map(\.processID))
    var position = 0
    while position < found.count {
      for child in children[found[position].processID] ?? [] where known.insert(child.processID).inserted {
        found.append(child)
      }
      position += 1
    }
    return found
  }

  static func == (left: RunningProcess, right: RunningProcess) -> Bool {
    left.processID == right.processID && left.startTime == right.startTime
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(processID)
    hasher.combine(startTime)
  }
}
