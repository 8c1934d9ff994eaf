// What a process held at one moment, with who it was: what is shown, saved and compared.

internal import Glibc
package import IPCKit

/// A census that can be kept. `fdwatch --save` writes it, and it is `snapshot` in `fdwatch --json`.
package struct Snapshot: Codable, Hashable, Sendable {
  /// The form of the file; raised when a name changes its meaning.
  package var schema = Snapshot.currentSchema
  package static let currentSchema = 1
  /// In seconds since 1970.
  package var time: Double
  package var process: ProcessDescription
  /// By number in ascending order.
  package var descriptors: [DescriptorRecord]
  /// How many were closed while they were looked at.
  package var missed: Int
  /// How many processes could not be looked into for the other ends; nil when no other was looked into.
  package var processesOutOfSight: Int?

  /// Looks at a process.
  /// - Parameter findingOtherEnds: whether to look into all other processes too, which takes a moment.
  /// - Throws: ESRCH, ENOENT when there is no such process, EACCES when it may not be looked into.
  package init(processID: Int32, findingOtherEnds: Bool) throws(SystemError) {
    process = try ProcessDescription(processID: processID)
    var census = try DescriptorCensus(processID: processID)
    if findingOtherEnds { census.findOtherEnds() }
    time = Self.now
    descriptors = census.descriptors.map { DescriptorRecord($0) }
    missed = census.missed
    processesOutOfSight = census.processesOutOfSight
  }

  /// How many there are of each kind.
  package var kinds: [String: Int] { descriptors.reduce(into: [:]) { $0[$1.kind, default: 0] += 1 } }

  /// The descriptors by their numbers.
  package var byNumber: [Int32: DescriptorRecord] {
    Dictionary(descriptors.lazy.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Those of which this process alone holds both ends: each with the number of the other, the lower one first. A number
  /// that stands for an end with more than one descriptor is in none.
  package var pairs: [Pair] {
    let all = byNumber
    return descriptors.compactMap { record in
      guard let other = record.onlyOtherNumber(in: process.pid), record.number < other, let partner = all[other],
        partner.onlyOtherNumber(in: process.pid) == record.number
      else { return nil }
      return Pair(first: record, second: partner)
    }
  }

  private static var now: Double {
    var now = timespec()
    // The structure is valid for the length of the call.
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec / 1_000_000) / 1000
  }
}

/// The two ends of a pipe, of a pair of sockets or of a pseudo-terminal that are both in one process and nowhere else.
package struct Pair: Hashable, Sendable {
  package let first: DescriptorRecord
  package let second: DescriptorRecord

  /// `12 ↔ 13`
  package var numbers: String { "\(first.number) ↔ \(second.number)" }

  /// Bytes that were written to either end and not read; nil where the kernel does not tell.
  package var queued: UInt32? {
    guard let left = first.socket?.receiveQueue, let right = second.socket?.receiveQueue else { return nil }
    return left &+ right
  }
}

extension DescriptorRecord {
  /// The one number, in the same process, that has the other end; nil when it is elsewhere too, or under several.
  func onlyOtherNumber(in processID: Int32) -> Int32? {
    guard let otherEnd, otherEnd.state == .held, otherEnd.holders.count == 1, let holder = otherEnd.holders.first,
      holder.pid == processID
    else { return nil }
    return holder.number
  }

  /// Whether nobody is at the other end any more. Of a terminal that nobody in sight has open: those who work on it are mostly
  /// its own user's, while another user's process may well have the end of a pipe.
  package var isAbandoned: Bool {
    otherEnd?.state == .gone || otherEnd?.state == .outOfSight && kind == "terminal master"
      || socket?.state == HeldSocket.State.closeWait.rawValue
      || kind == DescriptorKind.pidfd(processID: nil).name && processID == nil
  }
}
