// One descriptor of a listing, looked at twice where it must be: between the look at its link and the one at its
// information it may have become another file's.

internal import CIPCShim
internal import Glibc

/// Reads one descriptor after the other, with buffers that they share.
struct DescriptorReading {
  private var link = [UInt8](repeating: 0, count: 8192)
  private var information = [UInt8](repeating: 0, count: 4096)
  private var last: (bytes: [UInt8], target: DescriptorTarget)?

  /// What it leads to, in the kernel's words; nil when it was closed meanwhile.
  mutating func target(_ number: Int32, in listing: borrowing ProcessListing) throws(SystemError) -> String? {
    guard let target = try look(number, listing) else { return nil }
    switch target.form {
    case .socket(let inode): return "socket:[\(inode)]"
    case .pipe(let inode): return "pipe:[\(inode)]"
    default: return target.text
    }
  }

  /// Nil when it was closed meanwhile, or is another one at every look.
  mutating func read(_ number: Int32, in listing: borrowing ProcessListing) throws(SystemError) -> HeldDescriptor? {
    for _ in 0..<3 {
      guard let target = try look(number, listing), let count = try listing.information(number, &information) else {
        return nil
      }
      let found = DescriptorInformation(parsing: information.span.extracting(first: count))
      guard let flags = found.flags else { return nil }
      let status = target.isPath ? listing.status(number) : nil
      // What both know an inode of is the same file, or it has become another one meanwhile. Where a file system is
      // stacked on another, the two may differ all the time: then the link must not have changed.
      if let inode = found.inode, let expected = target.inode ?? status?.inode, inode != expected {
        guard target.isPath, try look(number, listing)?.text == target.text else { continue }
      }
      return HeldDescriptor(listing.processID, number, target, found, flags, status)
    }
    return nil
  }

  private mutating func look(
    _ number: Int32, _ listing: borrowing ProcessListing
  ) throws(SystemError) -> DescriptorTarget? {
    do throws(SystemError) {
      return try listing.link(number, &link).map { recognize($0) }
    } catch {
      guard error.errno == ENAMETOOLONG else { throw error }
      return .tooLong
    }
  }

  /// Files without a place come in crowds with the same link.
  private mutating func recognize(_ length: Int) -> DescriptorTarget {
    if let last, link.starts(with: last.bytes), last.bytes.count == length { return last.target }
    let target = DescriptorTarget(link.span.extracting(first: length))
    if case .anonymous = target.form { last = (Array(link[..<length]), target) }
    return target
  }
}

extension HeldDescriptor {
  fileprivate init(
    _ processID: Int32, _ number: Int32, _ target: DescriptorTarget, _ found: DescriptorInformation, _ flags: UInt32,
    _ status: ipc_held_status?
  ) {
    self.processID = processID
    self.number = number
    link = target.text
    kind = DescriptorKind(target, found, status)
    access = Access(flags)
    isNonBlocking = flags & UInt32(O_NONBLOCK) != 0
    isCloseOnExec = flags & UInt32(O_CLOEXEC) != 0
    offset = found.offset
    // A file without a place mostly shares its inode with all others; a pidfd has its own since Linux 6.9.
    let isAnonymous = if case .anonymous = target.form { true } else { false }
    inode = isAnonymous ? nil : status?.inode ?? target.inode ?? found.inode
    device = status?.device
    size = status.flatMap { $0.mode & S_IFMT == S_IFREG ? Int64(clamping: $0.size) : nil }
    identity =
      switch kind {
      case .eventfd: found.identity
      case .terminalMaster: found.terminalIndex.flatMap { UInt64(exactly: $0) }
      default: isAnonymous ? found.inode : nil
      }
    peerInode = nil
    otherEnd = nil
    origin = nil
  }
}

extension HeldDescriptor.Access {
  fileprivate init(_ flags: UInt32) {
    // The kernel's own number, which is 0 in C headers of 64-bit machines for O_LARGEFILE, and is not for O_PATH.
    let pathOnly: UInt32 = 0o10000000
    guard flags & pathOnly == 0 else {
      self = .neither
      return
    }
    switch flags & UInt32(O_ACCMODE) {
    case UInt32(O_RDONLY): self = .reading
    case UInt32(O_WRONLY): self = .writing
    default: self = .both
    }
  }
}
