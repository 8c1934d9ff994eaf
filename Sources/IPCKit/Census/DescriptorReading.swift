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
  mutating func target(_ number: Int32, in listing: borrowing ProcessListing) -> String? {
    guard let length = listing.link(number, &link) else { return nil }
    return String(decoding: link[..<length], as: UTF8.self)
  }

  /// Files without a place come in crowds with the same link.
  private mutating func recognize(_ length: Int) -> DescriptorTarget {
    if let last, link.starts(with: last.bytes), last.bytes.count == length { return last.target }
    let target = DescriptorTarget(link.span.extracting(first: length))
    if case .anonymous = target.form { last = (Array(link[..<length]), target) }
    return target
  }

  /// Nil when it was closed meanwhile, or is another one at every look.
  mutating func read(_ number: Int32, in listing: borrowing ProcessListing) -> HeldDescriptor? {
    for _ in 0..<3 {
      guard let length = listing.link(number, &link), let count = listing.information(number, &information) else {
        return nil
      }
      let found = DescriptorInformation(parsing: information.span.extracting(first: count))
      guard let flags = found.flags else { return nil }
      let target = recognize(length)
      // What has an inode in its link must have the same in its information.
      if let expected = target.inode, let inode = found.inode, expected != inode { continue }
      let status = target.isPath ? listing.status(number) : nil
      return HeldDescriptor(listing.processID, number, target, found, flags, status)
    }
    return nil
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
    // A file without a place shares its inode with all others.
    let hasOwnInode = if case .anonymous = target.form { false } else { true }
    inode = hasOwnInode ? status?.inode ?? target.inode ?? found.inode : nil
    device = status?.device
    size = status.flatMap { $0.mode & S_IFMT == S_IFREG ? Int64(clamping: $0.size) : nil }
    identity = found.identity ?? found.terminalIndex.map(UInt64.init) ?? found.processID.map(UInt64.init)
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
    switch Int32(flags) & O_ACCMODE {
    case O_RDONLY: self = .reading
    case O_WRONLY: self = .writing
    default: self = .both
    }
  }
}
