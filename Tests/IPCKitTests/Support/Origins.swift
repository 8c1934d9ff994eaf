// Where a test's own descriptors were made. Tests run side by side, and each line of theirs is there once: what was made on
// it is told from all else that the process holds.

import IPCKit
import Testing

/// Where IPCKit says that a descriptor was made.
func origin(of descriptor: borrowing FileDescriptor) -> String? {
  // The number is used while the owner is borrowed.
  unsafe descriptor.withUnsafeNumber { DescriptorOrigin.of(descriptor: $0)?.description }
}

/// The line above the one that this is called on, as an origin's description.
func lineAbove(fileID: String = #fileID, line: Int = #line) -> String { "\(fileID):\(line - 1)" }

/// Kinds of the open descriptors that were made there, in the order of the alphabet.
func kindsMade(at place: String) -> [String] {
  openDescriptors().filter { DescriptorOrigin.of(descriptor: $0.key)?.description == place }.map { kind(of: $0.value) }
    .sorted()
}

/// Expects descriptors of these kinds, and no others, to have been made on the line above by what is still there.
func expect<Maker: ~Copyable>(
  _ maker: borrowing Maker, made kinds: String..., fileID: String = #fileID, line: Int = #line,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let found = kindsMade(at: lineAbove(fileID: fileID, line: line))
  #expect(found == kinds.sorted(), sourceLocation: sourceLocation)
}

/// The last part of a path, or what the kernel calls the rest: `socket`, `eventfd`.
private func kind(of target: String) -> String {
  let name = target.split(separator: "/").last ?? ""
  let words = name.split { ":[]".contains($0) }
  return String(words.first { $0 != "anon_inode" } ?? name)
}
