// Who holds the other ends: a look into every process for a few files among many.

internal import Glibc

/// The ends that are looked for, and the descriptors that turned out to be these.
struct EndHolders {
  private var found: [EndKey: [DescriptorHolder]] = [:]
  /// The links that are worth a second look, in the kernel's words.
  private var targets: Set<String> = []
  private var looksForMasters = false
  /// A FIFO may have several names.
  private var looksForFIFOs = false
  private var reading = DescriptorReading()

  /// Looks for the other ends of these.
  init(of descriptors: [HeldDescriptor]) {
    for held in descriptors {
      guard let key = held.endKey, found.updateValue([], forKey: key) == nil else { continue }
      switch key.role {
      case .socket: targets.insert("socket:[\(key.inode)]")
      case .reader, .writer: if held.kind == .fifo { looksForFIFOs = true } else { targets.insert(held.target) }
      case .terminalSlave: targets.insert("/dev/pts/\(key.inode)")
      case .terminalMaster: looksForMasters = true
      }
    }
  }

  /// Those that hold an end, as far as they were found.
  func holders(of key: EndKey) -> [DescriptorHolder] { found[key] ?? [] }

  /// Looks into all processes, into `first` before the others.
  /// - Returns: how many there are that could not be looked into, or not into all that they hold.
  mutating func search(first: Int32) -> Int {
    guard !found.isEmpty else { return 0 }
    let all = try? ProcessListing.processes()
    // Where not even their list can be read, there are some.
    var outOfSight = all == nil ? 1 : 0
    for processID in [first] + (all ?? []).filter({ $0 != first }) {
      do throws(SystemError) {
        try look(into: processID)
      } catch {
        if Self.holdsSomething(processID, error) { outOfSight += 1 }
      }
    }
    return outOfSight
  }

  private mutating func look(into processID: Int32) throws(SystemError) {
    let listing = try ProcessListing(linksOf: processID)
    var name: String?
    try listing.forEachNumber { (number) throws(SystemError) in
      guard let target = try reading.target(number, in: listing), isWorthALook(target),
        let held = try reading.read(number, in: listing)
      else { return }
      for key in held.ownKeys where found[key] != nil {
        let known = name ?? ProcessListing.name(ofProcess: processID)
        name = known
        found[key]?.append(DescriptorHolder(processID: processID, processName: known, number: number))
      }
    }
  }

  private func isWorthALook(_ target: String) -> Bool {
    if targets.contains(target) { return true }
    if looksForMasters, target.hasSuffix("/ptmx") { return true }
    return looksForFIFOs && target.hasPrefix("/") && !target.hasPrefix("/dev/")
  }

  /// Whether a process that refused the look can be the holder of anything.
  private static func holdsSomething(_ processID: Int32, _ error: SystemError) -> Bool {
    if error.errno == ENOENT || error.errno == ESRCH { return false }
    guard error.errno == EACCES else { return true }
    guard let process = RunningProcess(processID) else { return false }
    return !process.isKernels && !process.hasEnded
  }
}
