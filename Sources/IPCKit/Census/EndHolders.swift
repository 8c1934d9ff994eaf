// Who holds the other ends: a look into every process for a few files among many.

internal import Glibc

/// The ends that are looked for, and the descriptors that turned out to be these.
struct EndHolders {
  private var found: [EndKey: [DescriptorHolder]] = [:]
  /// The links that are worth a second look, in the kernel's words.
  private var targets: Set<String> = []
  private var looksForTerminals = false

  /// Looks for the other ends of these.
  init(of descriptors: [HeldDescriptor]) {
    for held in descriptors {
      guard let key = held.endKey else { continue }
      found[key] = []
      switch key {
      case .socket(let inode): targets.insert("socket:[\(inode)]")
      case .readers(let target), .writers(let target): targets.insert(target)
      case .terminalSlave(let index): targets.insert("/dev/pts/\(index)")
      case .terminalMaster: looksForTerminals = true
      }
    }
  }

  /// Whether there is nothing to look for.
  var isEmpty: Bool { found.isEmpty }

  /// Those that hold the other end of a descriptor, as far as they were found.
  func holders(ofEndOf held: HeldDescriptor) -> [DescriptorHolder] {
    held.endKey.flatMap { found[$0] } ?? []
  }

  /// Takes a descriptor for an end when it is one that is looked for.
  mutating func add(_ held: HeldDescriptor, _ holder: @autoclosure () -> DescriptorHolder) {
    for key in held.ownKeys where found[key] != nil { found[key]?.append(holder()) }
  }

  /// Looks into all processes, into `first` before the others.
  /// - Returns: how many there are that could not be looked into.
  mutating func search(first: Int32) -> Int {
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
    for number in try listing.numbers() {
      guard let target = reading.target(number, in: listing), isWorthALook(target),
        let held = reading.read(number, in: listing)
      else { continue }
      let known = name ?? ProcessListing.name(ofProcess: processID)
      name = known
      add(held, DescriptorHolder(processID: processID, processName: known, number: number))
    }
  }

  private func isWorthALook(_ target: String) -> Bool {
    targets.contains(target) || looksForTerminals && target.hasSuffix("/ptmx")
  }
}

extension SystemError {
  /// Whether /proc has no such process any more.
  fileprivate var isOfGoneProcess: Bool { errno == ENOENT || errno == ESRCH }
}
