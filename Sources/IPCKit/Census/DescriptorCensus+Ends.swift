// Which descriptors belong together: first within the process, then in all others that may be looked into.

extension DescriptorCensus {
  /// Finds the ends that are in the same process. What else holds them is not known yet.
  mutating func pairEnds() {
    var holders = EndHolders(of: descriptors)
    guard !holders.isEmpty else { return }
    let name = ProcessListing.name(ofProcess: processID)
    for held in descriptors {
      holders.add(held, DescriptorHolder(processID: processID, processName: name, number: held.number))
    }
    for index in descriptors.indices where descriptors[index].otherEnd == nil {
      let found = holders.holders(ofEndOf: descriptors[index])
      if !found.isEmpty { descriptors[index].otherEnd = .held(found) }
    }
  }

  /// Looks into all processes for those who hold the other ends of pipes, of connected sockets and of pseudo-terminals.
  ///
  /// It reads /proc/PID/fd of each process that this one may look into, so it takes a moment on a machine with many, and
  /// an end that moved meanwhile may be missed. Pseudo-terminals are found by their number: those of another container may
  /// have the same. ``processesOutOfSight`` tells afterwards how many could not be looked into: as long as there are any,
  /// an end that was not found is ``OtherEnd/outOfSight`` rather than ``OtherEnd/gone``.
  public mutating func findOtherEnds() {
    var holders = EndHolders(of: descriptors)
    guard !holders.isEmpty else {
      processesOutOfSight = 0
      return
    }
    processesOutOfSight = holders.search(first: processID)
    for index in descriptors.indices {
      let held = descriptors[index]
      guard held.otherEnd != .gone, held.otherEnd != .waitingForAccept, held.endKey != nil else { continue }
      let found = holders.holders(ofEndOf: held)
      if !found.isEmpty {
        descriptors[index].otherEnd = .held(found)
      } else {
        // A socket's other end was there a moment ago: where no process has it, it is in a message under way.
        let isSurelyGone = processesOutOfSight == 0 && held.peerInode == nil
        descriptors[index].otherEnd = isSurelyGone ? .gone : .outOfSight
      }
    }
  }
}

/// What the other end of a descriptor is known by.
enum EndKey: Hashable {
  case socket(inode: UInt64)
  /// A pipe's link, or a FIFO's path.
  case readers(of: String)
  case writers(of: String)
  case terminalMaster(Int)
  case terminalSlave(Int)
}

extension HeldDescriptor {
  /// What to look for; nil for what has no other end, or none that is on this machine.
  var endKey: EndKey? {
    switch kind {
    case .socket: peerInode.map { .socket(inode: $0) }
    case .pipe, .fifo:
      switch access {
      case .reading: .writers(of: target)
      case .writing: .readers(of: target)
      case .both, .neither: nil
      }
    case .terminalMaster(let index): index.map { .terminalSlave($0) }
    case .terminalSlave(let index): index.map { .terminalMaster($0) }
    default: nil
    }
  }

  /// As which ends others may look for this one.
  var ownKeys: [EndKey] {
    switch kind {
    case .socket: inode.map { [.socket(inode: $0)] } ?? []
    case .pipe, .fifo:
      switch access {
      case .reading: [.readers(of: target)]
      case .writing: [.writers(of: target)]
      case .both: [.readers(of: target), .writers(of: target)]
      case .neither: []
      }
    case .terminalMaster(let index): index.map { [.terminalMaster($0)] } ?? []
    case .terminalSlave(let index): index.map { [.terminalSlave($0)] } ?? []
    default: []
    }
  }
}
