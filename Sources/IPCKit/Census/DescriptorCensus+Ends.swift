// Which descriptors belong together: first within the process, then in all others that may be looked into.

extension DescriptorCensus {
  /// Finds the ends that are in the same process. What else holds them is not known yet.
  mutating func pairEnds() {
    let ends = OwnEnds(descriptors)
    guard !ends.isEmpty else { return }
    let name = ProcessListing.name(ofProcess: processID)
    for index in descriptors.indices where descriptors[index].otherEnd == nil {
      guard let key = descriptors[index].endKey else { continue }
      let numbers = ends.numbers(of: key)
      guard !numbers.isEmpty else { continue }
      descriptors[index].otherEnd = .held(
        numbers.map { DescriptorHolder(processID: processID, processName: name, number: $0) })
    }
  }

  /// Looks into all processes for those who hold the other ends of pipes, of connected sockets and of pseudo-terminals.
  ///
  /// It reads /proc/PID/fd of each process that this one may look into, so it takes a moment on a machine with many, and
  /// an end that moved meanwhile may be missed. Pseudo-terminals are found by their number: those of another container may
  /// have the same. An end that nobody holds is ``OtherEnd/gone`` where all processes were looked into, which takes root,
  /// and the machine's first process namespace; elsewhere it is ``OtherEnd/outOfSight``.
  public mutating func findOtherEnds() {
    var holders = EndHolders(of: descriptors)
    let outOfSight = holders.search(first: processID)
    processesOutOfSight = outOfSight
    let isAllSeen = outOfSight == 0 && Self.seesAllProcesses
    for index in descriptors.indices {
      let held = descriptors[index]
      guard held.otherEnd != .gone, held.otherEnd != .waitingForAccept, let key = held.endKey else { continue }
      let found = holders.holders(of: key)
      if !found.isEmpty {
        descriptors[index].otherEnd = .held(found)
      } else {
        // A socket's other end was there a moment ago: where no process has it, it is in a message under way.
        descriptors[index].otherEnd = isAllSeen && held.peerInode == nil ? .gone : .outOfSight
      }
    }
  }

  /// Whether /proc lists the processes of the whole machine: it is that of the first process namespace, whose inode is the
  /// same on each machine, and hides nobody's, not even the first one.
  private static var seesAllProcesses: Bool {
    KernelText.link("/proc/self/ns/pid") == "pid:[4026531836]" && KernelText.text(of: "/proc/1/comm") != nil
  }
}

/// One end of a pipe, of a socket's connection or of a pseudo-terminal, by what the kernel knows it by.
struct EndKey: Hashable {
  let role: Role
  /// The inode, or a pseudo-terminal's index.
  let inode: UInt64
  /// Of a FIFO.
  var device: UInt64 = 0

  enum Role {
    case socket, reader, writer, terminalMaster, terminalSlave
  }

  /// The inode alone tells most apart, and thousands are hashed.
  func hash(into hasher: inout Hasher) { hasher.combine(inode) }
}

extension HeldDescriptor {
  /// The end that belongs to this one; nil for what has no other end, or none that is on this machine.
  var endKey: EndKey? {
    switch kind {
    case .socket: peerInode.map { EndKey(role: .socket, inode: $0) }
    case .pipe, .fifo:
      switch access {
      case .reading: pipeKey(.writer)
      case .writing: pipeKey(.reader)
      case .both, .neither: nil
      }
    case .terminalMaster(let index): index.map { EndKey(role: .terminalSlave, inode: UInt64($0)) }
    case .terminalSlave(let index): index.map { EndKey(role: .terminalMaster, inode: UInt64($0)) }
    default: nil
    }
  }

  /// As which ends others may look for this one: a FIFO may be opened for both directions.
  var ownKeys: [EndKey] {
    switch kind {
    case .socket: inode.map { [EndKey(role: .socket, inode: $0)] } ?? []
    case .pipe, .fifo:
      switch access {
      case .reading: [pipeKey(.reader)].compactMap(\.self)
      case .writing: [pipeKey(.writer)].compactMap(\.self)
      case .both: [pipeKey(.reader), pipeKey(.writer)].compactMap(\.self)
      case .neither: []
      }
    case .terminalMaster(let index): index.map { [EndKey(role: .terminalMaster, inode: UInt64($0))] } ?? []
    case .terminalSlave(let index): index.map { [EndKey(role: .terminalSlave, inode: UInt64($0))] } ?? []
    default: []
    }
  }

  private func pipeKey(_ role: EndKey.Role) -> EndKey? {
    inode.map { EndKey(role: role, inode: $0, device: device ?? 0) }
  }
}

/// The descriptors of one process by what they are ends of, for a census of thousands.
private struct OwnEnds {
  /// The last descriptor of each key; the one before it stands in `before`.
  private var last: [EndKey: Int32]
  private var before: [Place: Int32] = [:]

  private struct Place: Hashable {
    let role: EndKey.Role
    let number: Int32
  }

  init(_ descriptors: [HeldDescriptor]) {
    last = Dictionary(minimumCapacity: descriptors.count)
    for held in descriptors {
      for key in held.ownKeys {
        if let other = last.updateValue(held.number, forKey: key) {
          before[Place(role: key.role, number: held.number)] = other
        }
      }
    }
  }

  var isEmpty: Bool { last.isEmpty }

  /// In ascending order.
  func numbers(of key: EndKey) -> [Int32] {
    guard var number = last[key] else { return [] }
    var numbers = [number]
    while let next = before[Place(role: key.role, number: number)] {
      numbers.append(next)
      number = next
    }
    return numbers.reversed()
  }
}
