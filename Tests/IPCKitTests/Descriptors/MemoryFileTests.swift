// Files in memory: what is written is read, what is sealed stays so, and what a peer sends is checked before it is mapped.

import Glibc
import IPCKit
import IPCKitTesting
import Testing

@Suite(.leakFree) struct MemoryFileTests {
  /// Linux 6.3 or newer.
  private var hasExecutionSeal: Bool {
    get throws {
      let release = try contents(of: "/proc/sys/kernel/osrelease").split(separator: ".").prefix(2)
      let numbers = release.compactMap { Int($0) }
      return (numbers.first ?? 0, numbers.last ?? 0) >= (6, 3)
    }
  }

  @Test func isCloseOnExecNamedAndFullOfZeros() throws {
    let file = try MemoryFile(named: "a name", size: 5)
    #expect(try file.descriptor.isCloseOnExec)
    #expect(target(of: file.descriptor) == "/memfd:a name (deleted)")
    #expect(try file.size == 5)
    #expect(try file.read(at: 0, 9) == [0, 0, 0, 0, 0])
    // Nobody asked for a file that can be executed.
    #expect(try file.seals == (hasExecutionSeal ? .execution : []))
    let empty = try MemoryFile(named: "")
    #expect(try empty.size == 0)
    #expect(try empty.read(at: 0, 9) == [])
  }

  @Test func readsAndWritesWhereverTheyAreAskedFor() throws {
    let file = try MemoryFile([1, 2, 3])
    try file.write([9, 9], at: 6)
    #expect(try file.size == 8)
    #expect(try file.read(at: 0, 99) == [1, 2, 3, 0, 0, 0, 9, 9])
    #expect(try file.read(at: 2, 2) == [3, 0])
    #expect(try file.read(at: 8, 1) == [])
    try file.resize(to: 2)
    #expect(try file.read(at: 0, 99) == [1, 2])
    try file.write([], at: 100)
    #expect(try file.size == 2)
    #expect(systemFailure { try file.write([1], at: -1) }?.errno == EINVAL)
    #expect(systemFailure { _ = try file.read(at: -1, 1) }?.errno == EINVAL)
    #expect(systemFailure { try file.resize(to: -1) }?.errno == EINVAL)
  }

  /// What a seal forbids.
  enum Sealed: CaseIterable { case shrink, grow, write, futureWrite, seal }

  @Test(arguments: Sealed.allCases) func sealForbidsItsOwnAndNothingElse(sealed: Sealed) throws {
    let file = try MemoryFile(named: "t", size: 4096)
    let seals: [Sealed: MemoryFile.Seals] = [
      .shrink: .shrink, .grow: .grow, .write: .write, .futureWrite: .futureWrite, .seal: .seal,
    ]
    let seal = try #require(seals[sealed])
    try file.seal(seal)
    #expect(try file.seals.subtracting(.execution) == seal)
    let isReadOnly = sealed == .write || sealed == .futureWrite
    #expect(systemFailure { try file.write([1], at: 0) }?.errno == (isReadOnly ? EPERM : nil))
    #expect(systemFailure { try file.resize(to: 4095) }?.errno == (sealed == .shrink ? EPERM : nil))
    #expect(systemFailure { try file.resize(to: 8192) }?.errno == (sealed == .grow ? EPERM : nil))
    #expect(systemFailure { try file.seal(.shrink) }?.errno == (sealed == .seal ? EPERM : nil))
    #expect(try file.seals.isSuperset(of: seal))
  }

  @Test func contentsAreLentOnlyWhenNobodyCanChangeThem() throws {
    let file = try MemoryFile([1, 2, 3])
    for seals in [[], .shrink, .write] as [MemoryFile.Seals] {
      let other = try MemoryFile(named: "t", size: 1)
      try other.seal(seals)
      #expect(systemFailure { try other.withContents { _ in } }?.errno == EPERM)
    }
    try file.seal([.shrink, .write])
    #expect(try sum(file) == 6)
    let empty = try MemoryFile(named: "empty")
    try empty.seal([.shrink, .grow, .write])
    #expect(try sum(empty) == 0)
    let thrown = SystemError(errno: ENOENT, operation: "body")
    #expect(systemFailure { try file.withContents { (_) throws(SystemError) in throw thrown } } == thrown)
  }

  @Test func receivedOneIsCheckedBeforeItIsUsed() throws {
    let file = try MemoryFile(named: "t", size: 1)
    let copy = try file.descriptor.duplicate()
    let refused = systemFailure { _ = try MemoryFile(copy.duplicate(), sealed: [.shrink, .grow]) }
    #expect(refused?.description == "accept a memory file that is not sealed: Operation not permitted")
    try file.seal(.shrink)
    #expect(systemFailure { _ = try MemoryFile(copy.duplicate(), sealed: [.shrink, .grow]) }?.errno == EPERM)
    try file.seal(.grow)
    let received = try MemoryFile(copy, sealed: [.shrink, .grow])
    #expect(try received.size == 1)
    let directory = try TemporaryDirectory()
    try writeFile(directory("file"), "x")
    for path in ["/dev/null", "/proc/self/status"] {
      let other = systemFailure { _ = try MemoryFile(openFile(path, O_RDONLY), sealed: []) }
      #expect(other?.errno == EINVAL, "\(path)")
    }
    #expect(systemFailure { _ = try MemoryFile(openFile(directory("file"), O_RDWR), sealed: .shrink) } != nil)
  }

  @Test func isRefusedByALoop() async throws {
    try await withLoop { loop in
      let ended = systemFailure { _ = try EventSource(MemoryFile(named: "t").intoDescriptor(), on: loop) }
      #expect(ended?.errno == EPERM)
    }
  }

  @Test func nameThatIsTooLongIsRefused() {
    #expect(systemFailure { _ = try MemoryFile(named: String(repeating: "x", count: 249)) } == nil)
    #expect(systemFailure { _ = try MemoryFile(named: String(repeating: "x", count: 250)) }?.errno == EINVAL)
  }

  @Test func nothingIsLeftOpen() async {
    await #expect(processExitsWith: .success) {
      try inQuietProcess { quiet in
        try quiet.expectNothingLeftOpen(needing: 1) { _ = try MemoryFile([1]) }
        try quiet.expectNothingLeftOpen {
          quiet.expect(systemFailure { _ = try MemoryFile(named: "t", size: -1) }?.errno == EINVAL)
          quiet.expect(
            systemFailure { _ = try MemoryFile(MemoryFile(named: "t").intoDescriptor(), sealed: .grow) } != nil)
          let file = try MemoryFile(named: "t", size: 1)
          try file.seal([.shrink, .write])
          try file.withContents { _ in }
        }
      }
    }
  }

  private func sum(_ file: borrowing MemoryFile) throws(SystemError) -> Int {
    try file.withContents { (bytes) throws(SystemError) in
      // As bytes, each of which is a number.
      (0..<bytes.byteCount).reduce(0) { $0 + Int(unsafe bytes.unsafeLoad(fromByteOffset: $1, as: UInt8.self)) }
    }
  }
}
