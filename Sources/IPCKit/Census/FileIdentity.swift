// What makes two descriptors, at two moments or in two processes, descriptors of one file.

/// What tells an open file from others, as far as the kernel tells.
package struct FileIdentity: Hashable, Sendable {
  private let inode: UInt64?
  private let device: UInt64?
  private let identity: UInt64?
  /// Nil for what has a place in a file system: it keeps its inode when it is renamed or deleted, which its path tells.
  private let target: String?

  init(_ held: HeldDescriptor) {
    (inode, device, identity) = (held.inode, held.device, held.identity)
    target = held.device == nil ? held.target : nil
  }

  /// The same of a descriptor that was written down.
  package init(inode: UInt64?, device: UInt64?, identity: UInt64?, target: String) {
    (self.inode, self.device, self.identity) = (inode, device, identity)
    self.target = device == nil ? target : nil
  }
}
