// Memory that processes share: seen by all, bounded, never of a file that could shrink, and unmapped once.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct MemoryMappingTests {
  @Test func whatIsWrittenIsInTheFileAndInEveryOtherMapping() throws {
    let file = try sealedFile(size: 5000)
    var memory = try MemoryMapping(file, access: .readAndWrite)
    let other = try MemoryMapping(file, access: .read)
    #expect(memory.byteCount == 5000 && other.access == .read)
    memory.copy([1, 2, 3], to: 4997)
    #expect(other.bytes(from: 4996, 4) == [0, 1, 2, 3])
    try file.write([7], at: 0)
    #expect(memory.bytes(from: 0, 2) == [7, 0])
    memory.copy([], to: 5000)
    #expect(memory.bytes(from: 5000, 0) == [])
  }

  @Test func outlivesTheDescriptor() throws {
    func map() throws -> MemoryMapping { try MemoryMapping(sealedFile(size: 3), access: .readAndWrite) }
    var memory = try map()
    memory.copy([1, 2, 3], to: 0)
    #expect(memory.bytes(from: 0, 3) == [1, 2, 3])
  }

  @Test func inPlaceTheBytesAreTheSame() throws {
    let file = try sealedFile(size: 3)
    var memory = try MemoryMapping(file, access: .readAndWrite)
    // Nobody else has the file.
    var span = unsafe memory.mutableBytes
    span.storeBytes(of: 9, toByteOffset: 1, as: UInt8.self)
    let view = unsafe memory.bytes
    #expect(view.byteCount == 3)
    #expect(unsafe view.unsafeLoad(fromByteOffset: 1, as: UInt8.self) == 9)
  }

  @Test func anotherProcessSeesItAndItStaysWhenThatEnds() async {
    await #expect(processExitsWith: .success) {
      let file = try sealedFile(size: 16)
      let memory = try MemoryMapping(file, access: .read)
      let child = ForkedChild {
        guard var memory = try? MemoryMapping(file, access: .readAndWrite) else { return 1 }
        memory.copy([1, 2, 3], to: 0)
        kill(getpid(), SIGKILL)
        return 2
      }
      #expect(child.wait() == -SIGKILL)
      let found = memory.bytes(from: 0, 4)
      #expect(found == [1, 2, 3, 0])
    }
  }

  @Test func fileThatCouldShrinkIsNotMapped() throws {
    let file = try MemoryFile(named: "t", size: 10)
    let refused = systemFailure { _ = try MemoryMapping(file, access: .read) }
    #expect(refused?.description == "mmap a memory file that is not sealed: Operation not permitted")
    try file.seal(.shrink)
    _ = try MemoryMapping(file, access: .read)
  }

  @Test func sealsAgainstWritingAndMappingsForItExcludeEachOther() throws {
    let file = try sealedFile(size: 1)
    func keepMapped() throws {
      var memory = try MemoryMapping(file, access: .readAndWrite)
      #expect(systemFailure { try file.seal(.write) }?.errno == EBUSY)
      try file.seal(.futureWrite)
      #expect(systemFailure { _ = try MemoryMapping(file, access: .readAndWrite) }?.errno == EPERM)
      memory.copy([5], to: 0)
      let reader = try MemoryMapping(file, access: .read)
      #expect(reader.bytes(from: 0, 1) == [5])
    }
    try keepMapped()
    // Unmapped, or this would be refused.
    try file.seal(.write)
  }

  @Test func emptyFileAndReadOnlyDescriptorAreRefused() throws {
    let empty = try sealedFile(size: 0)
    #expect(systemFailure { _ = try MemoryMapping(empty, access: .read) }?.errno == EINVAL)
    let file = try sealedFile(size: 1)
    // The owner outlives the call.
    let path = unsafe file.descriptor.withUnsafeNumber { "/proc/self/fd/\($0)" }
    let reading = try MemoryFile(openFile(path, O_RDONLY), sealed: .shrink)
    #expect(systemFailure { _ = try MemoryMapping(reading, access: .readAndWrite) }?.errno == EACCES)
    _ = try MemoryMapping(reading, access: .read)
  }

  /// A way to leave the memory.
  enum Outside: String, CaseIterable, Codable { case readBehind, readBefore, writeBehind, overflow, readOnly }

  @Test(arguments: Outside.allCases) func outsideTraps(way: Outside) async {
    await #expect(processExitsWith: .failure) { [way] in
      let file = try sealedFile(size: 4096)
      var memory = try MemoryMapping(file, access: way == .readOnly ? .read : .readAndWrite)
      switch way {
      case .readBehind: _ = memory.bytes(from: 4096, 1)
      case .readBefore: _ = memory.bytes(from: -1, 1)
      case .writeBehind: memory.copy([1, 2], to: 4095)
      case .overflow: memory.copy([1, 2], to: .max)
      case .readOnly: memory.copy([1], to: 0)
      }
    }
  }

  @Test func discardedPagesAreZeroAndUseNoMemory() throws {
    let file = try MemoryFile(named: "t", size: 4 * 4096)
    try file.seal([.shrink, .grow])
    var memory = try MemoryMapping(file, access: .readAndWrite)
    let other = try MemoryMapping(file, access: .read)
    for page in 0..<4 { memory.copy([UInt8](repeating: 7, count: 4096), to: page * 4096) }
    try memory.discard(4096..<3 * 4096)
    // Before anybody looks: what is read is there again, as zeros.
    var status = stat()
    // The number is used while it is lent, and fstat fills the structure.
    _ = unsafe file.descriptor.withUnsafeNumber { unsafe fstat($0, &status) }
    #expect(status.st_size == 4 * 4096 && status.st_blocks * 512 == 2 * 4096)
    for (page, byte) in ([7, 0, 0, 7] as [UInt8]).enumerated() {
      let expected = [UInt8](repeating: byte, count: 4096)
      #expect(memory.bytes(from: page * 4096, 4096) == expected && other.bytes(from: page * 4096, 4096) == expected)
    }
    #expect(systemFailure { try memory.discard(1..<2) }?.errno == EINVAL)
  }

  @Test func unmappedAtItsEnd() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        let mapped = {
          try contents(of: "/proc/self/maps").split(separator: "\n").count { $0.contains("memfd:mapped") }
        }
        try quiet.expectNothingLeftOpen {
          for _ in 0..<10 {
            let file = try MemoryFile(named: "mapped", size: 4096)
            try file.seal(.shrink)
            let memory = try MemoryMapping(file, access: .read)
            quiet.expect(try mapped(), is: 1)
            _ = consume memory
          }
        }
        quiet.expect(try mapped(), is: 0)
      }
    }
  }
}

/// A file that can be mapped.
private func sealedFile(size: Int) throws -> MemoryFile {
  let file = try MemoryFile(named: "t", size: size)
  try file.seal(.shrink)
  return file
}
