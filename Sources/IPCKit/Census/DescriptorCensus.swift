// What a process holds, read from the kernel's own list: the look that the leak story should have had from the start.

internal import Glibc

/// The descriptors of a process at one moment.
///
/// ```swift
/// var census = try DescriptorCensus()
/// print(census.count, census.kinds)
/// census.findOtherEnds()
/// for held in census.descriptors { print(held) }
/// ```
///
/// It is a moment as long as the reading takes: descriptors may come and go meanwhile, and ``missed`` counts those that
/// went. Those of the reading itself are not counted, but two censuses that are taken at once in one process see each
/// other's. What has neither a path nor an inode of its own is described by two looks, between which its number may have become
/// another file's. A thread that has left its process's table of descriptors by unshare(2) is not looked into.
public struct DescriptorCensus: Hashable, Sendable {
  /// The process.
  public let processID: Int32
  /// What it holds, by number in ascending order.
  public internal(set) var descriptors: [HeldDescriptor]
  /// How many were listed and then gone, or became others each time they were looked at.
  public internal(set) var missed: Int
  /// How many processes ``findOtherEnds()`` could not look into; nil before it was called. There may be more of which /proc
  /// says nothing: those outside of this process's process namespace, and whatever its `hidepid` option hides.
  public internal(set) var processesOutOfSight: Int?

  /// How many descriptors there are.
  public var count: Int { descriptors.count }

  /// What each number leads to, in the kernel's words: a path, or `socket:[123]`.
  public var targets: [Int32: String] {
    Dictionary(uniqueKeysWithValues: descriptors.lazy.map { ($0.number, $0.target) })
  }

  /// How many there are of each kind, by ``DescriptorKind/name``.
  public var kinds: [String: Int] {
    descriptors.reduce(into: [:]) { $0[$1.kind.name, default: 0] += 1 }
  }

  /// The descriptor with this number; nil when it is free.
  public subscript(number: Int32) -> HeldDescriptor? {
    var range = descriptors[...]
    while let middle = range.indices.isEmpty ? nil : (range.startIndex + range.endIndex) / 2 {
      if range[middle].number == number { return range[middle] }
      range = range[middle].number < number ? range[(middle + 1)...] : range[..<middle]
    }
    return nil
  }

  /// Reads /proc/PID/fd and /proc/PID/fdinfo, and what the kernel tells of sockets by sock_diag(7) and /proc/PID/net.
  ///
  /// It takes three descriptors while it lasts. Nothing that it looks at is opened, so nothing happens to it.
  /// - Parameter processID: nil for this process. Another one may be looked into by whom ptrace(2) would let: the same
  ///   user and root, mostly.
  /// - Throws: ENOENT when there is no such process, EACCES when it may not be looked into, EMFILE.
  public init(processID: Int32? = nil) throws(SystemError) {
    let own = getpid()
    let listing = try ProcessListing(processID ?? own)
    let (descriptors, missed) = try Self.read(listing)
    self.processID = listing.processID
    self.descriptors = descriptors
    self.missed = missed
    describeSockets(listing)
    pairEnds()
    if listing.processID == own { addOrigins() }
  }

  private static func read(
    _ listing: borrowing ProcessListing
  ) throws(SystemError) -> (descriptors: [HeldDescriptor], missed: Int) {
    let isOwn = listing.processID == getpid()
    var reading = DescriptorReading()
    var descriptors: [HeldDescriptor] = []
    descriptors.reserveCapacity(listing.expectedCount)
    var missed = 0
    try listing.forEachNumber { (number) throws(SystemError) in
      guard !isOwn || !listing.isOwn(number) else { return }
      if let held = try reading.read(number, in: listing) { descriptors.append(held) } else { missed += 1 }
    }
    return (descriptors, missed)
  }

  /// Where each was made, while that is recorded.
  private mutating func addOrigins() {
    guard DescriptorOrigin.isRecording else { return }
    for index in descriptors.indices {
      descriptors[index].origin = DescriptorOrigin.of(descriptor: descriptors[index].number)
    }
  }
}
