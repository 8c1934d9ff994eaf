// How windows ended, for those who ask later. A bounded memory: a daemon that runs for a year must not remember a year.

internal import IPCKit

/// The last windows that went, and how.
struct ExitRecords {
  private var exits: [UInt64: ExitStatus] = [:]
  private var order: [UInt64] = []
  private var oldest = 0
  private let capacity: Int

  init(capacity: Int) { self.capacity = capacity }

  /// How a window ended; nil when it has not, or too many have since.
  subscript(id: UInt64) -> ExitStatus? { exits[id] }

  /// All of them, oldest first.
  var all: [(id: UInt64, status: ExitStatus)] {
    (order[oldest...] + order[..<oldest]).compactMap { id in exits[id].map { (id, $0) } }
  }

  /// Remembers one, and forgets the oldest for it when there are as many as there may be.
  mutating func record(_ id: UInt64, _ status: ExitStatus) {
    exits[id] = status
    guard order.count == capacity else { return order.append(id) }
    exits[order[oldest]] = nil
    order[oldest] = id
    oldest = (oldest + 1) % capacity
  }
}
