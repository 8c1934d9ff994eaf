// Who descends from this process, by what /proc tells of everybody's parent.

internal import Glibc

/// A process, by what no later one of the same number shares with it.
struct RunningProcess: Hashable {
  let processID: Int32
  /// When it began, in clock ticks since the machine started.
  private let startTime: UInt64
  private let parentID: Int32
  /// Whether it holds nothing any more, and waits for its parent to reap it.
  let hasEnded: Bool

  /// Nil for a process that has gone.
  init?(_ processID: Int32) {
    guard let status = try? KernelText.contents(of: "/proc/\(processID)/stat"),
      let startTime = ProcessStatus.startTime(in: status), let end = status.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    // After the name: the state, and the parent.
    let fields = status[(end + 1)...].split(separator: UInt8(ascii: " "), maxSplits: 2)
    guard fields.count > 2, let parentID = Int32(String(decoding: fields[1], as: UTF8.self)) else { return nil }
    self.processID = processID
    self.startTime = startTime
    self.parentID = parentID
    hasEnded = fields[0].elementsEqual("Z".utf8) || fields[0].elementsEqual("X".utf8)
  }

  /// Children of this process, their children and so on. open(2) in /proc.
  static func descendants() throws(SystemError) -> [RunningProcess] {
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
