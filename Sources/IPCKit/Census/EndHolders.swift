// Who holds the other ends: a look into every process for a few files among many.

internal import Glibc

/// The ends that are looked for, and the descriptors that turned out to be these.
struct EndHolders {
  private var found: [EndKey: [DescriptorHolder]] = [:]
  /// The links that are worth a second look, in the kernel's words.
  private var targets: Set<String> = []
  private var looksForMasters = false

  /// Looks for the other ends of these.
  init(of descriptors: [HeldDescriptor]) {
    for held in descriptors {
      guard let key = held.endKey, found.updateValue([], forKey: key) == nil else { continue }
      switch key.role {
      case .socket: targets.insert("socket:[\(key.inode)]")
      case .reader, .writer: targets.insert(held.target)
      case .terminalSlave: targets.insert("/dev/pts/\(key.inode)")
      case .terminalMaster: looksForMasters = true
      }
    }
  }

  /// Those that hold an end, as far as they were found.
  func holders(of key: EndKey) -> [DescriptorHolder] { found[key] ?? [] }

  /// Looks into all processes, into `first` before the others.
  /// - Returns: how many there are that could not be looked into.
  mutating func search(first: Int32) -> Int {
    guard !found.isEmpty else { return 0 }
    var outOfSight = 0
    let others = ((try? ProcessListing.processes()) ?? []).filter { $0 != first }
    for processID in [first] + others {
      do throws(SystemError) {
        try look(into: processID)
      } catch {
        // One that has ended meanwhile holds nothing.
        if !error.isOfGoneProcess { outOfSight += 1 }
      }
    }
    return outOfSight
  }

  private mutating func look(into processID: Int32) throws(SystemError) {
    let listing = try ProcessListing(processID)
    var reading = DescriptorReading()
    var name: String?
    try listing.forEachNumber { number in
      guard let target = reading.target(number, in: listing), isWorthALook(target),
        let held = reading.read(number, in: listing), let key = held.ownKey, found[key] != nil
      else { return }
      let known = name ?? ProcessListing.name(ofProcess: processID)
      name = known
      found[key]?.append(DescriptorHolder(processID: processID, processName: known, number: number))
    }
  }

  private func isWorthALook(_ target: String) -> Bool {
    targets.contains(target) || looksForMasters && target.hasSuffix("/ptmx")
  }
}

extension SystemError {
  /// Whether /proc has no such process any more.
  fileprivate var isOfGoneProcess: Bool { errno == ENOENT || errno == ESRCH }
}
