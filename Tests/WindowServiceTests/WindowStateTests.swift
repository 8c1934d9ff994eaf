// A window's state in its file: what was written is read again, from any moment at which a process may have been killed, and
// from the files of the version before.

internal import Glibc
internal import IPCKit
internal import IPCKitTesting
internal import Testing
internal import WindowProtocol

@testable internal import WindowService

@Suite(.leakFree) struct WindowStateTests {
  private typealias Layout = WindowState.Layout

  private static func record(_ options: [String] = []) -> WindowRecord {
    var window = WindowSpecification(command: "cat")
    window.options = options
    window.environment = ["SECRET=1"]
    return WindowRecord(window, command: ["cat"])
  }

  /// A file, and a state in it.
  private static func make(
    keeping capacity: Int = 4096, _ options: [String] = []
  ) throws -> (file: Held, state: HeldState) {
    let file = try MemoryFile(named: "test")
    let state = try WindowState.make(
      in: file, id: 7, record(options), size: Terminal.Size(columns: 80, rows: 24), keeping: capacity)
    return (Held(file), HeldState(state))
  }

  /// What another process finds in the file.
  private static func found(in file: Held) throws -> HeldState {
    HeldState(try WindowState.restore(try file.file.descriptor.duplicate(), id: 7))
  }

  @Test func propertiesAreFoundAgain() throws {
    let options = ["scrollback=5000", "a=b=c", "empty="]
    let settings = try options.map { try Setting($0) }
    let made = try Self.make(keeping: 4096, options)
    made.state.state.setProcess(4711)
    made.state.state.setSize(Terminal.Size(columns: .max, rows: 1))
    let found = try Self.found(in: made.file)
    #expect(try found.state.record == Self.record(options))
    #expect(try found.state.record.specification.environment == [])
    #expect(try found.state.settings == settings)
    #expect(found.state.process == 4711 && found.state.size == Terminal.Size(columns: .max, rows: 1))
    #expect(found.state.exit == nil && found.state.output == [] && found.state.printed == 0)
    let opened = found.state.opened
    #expect(try abs(#require(opened) - Int64(time(nil))) < 600)
    // Each time in the other of two places.
    for count in 0...3 {
      let changed = Array(settings.prefix(count))
      try made.state.state.setSettings(changed)
      #expect(try Self.found(in: made.file).state.settings == changed)
    }
  }

  @Test(arguments: [IPCKit.ExitStatus.exited(0), .exited(255), .signaled(9), .unknown])
  func exitIsFoundAgain(_ exit: IPCKit.ExitStatus) throws {
    let made = try Self.make()
    made.state.state.setExit(exit)
    #expect(try Self.found(in: made.file).state.exit == exit)
  }

  /// Against an array that is simply cut off in front.
  @Test(arguments: 1...20) func outputIsTheNewestThatFits(seed: UInt64) throws {
    var random = Random(state: seed)
    var capacity = [1, 7, 4096, 5000].randomElement(using: &random) ?? 1
    let made = try Self.make(keeping: capacity)
    var (expected, total): ([UInt8], UInt64) = ([], 0)
    for step in 0..<200 {
      if step % 20 == 19 {
        capacity = Int.random(in: 1...9000, using: &random)
        made.state.state.keepOutput(of: capacity)
      } else {
        let bytes = (0..<Int.random(in: 0...3000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
        }
        made.state.state.keep(bytes[...])
        expected += bytes
        total += UInt64(bytes.count)
      }
      expected = expected.suffix(capacity)
      #expect(made.state.state.output == expected && made.state.state.printed == total, "step \(step)")
      let found = try Self.found(in: made.file)
      #expect(found.state.output == expected && found.state.printed == total, "step \(step)")
    }
  }

  /// Killed after old bytes were written over, and before the new ones counted.
  @Test func halfWrittenOutputCostsNoMoreThanItself() throws {
    let made = try Self.make(keeping: 10)
    made.state.state.keep(Array("0123456789".utf8)[...])
    made.state.state.store(14, at: Layout.reserved)
    // Bytes seen as raw bytes: nothing is reinterpreted.
    unsafe made.state.state.memory.copy(Array("ab".utf8).span.bytes, to: Layout.rings)
    let found = try Self.found(in: made.file)
    #expect(found.state.output == Array("456789".utf8) && found.state.printed == 10)
    // What comes next takes the place of what was half written, and brings nothing back.
    found.state.keep(Array("x".utf8)[...])
    #expect(found.state.output == Array("456789x".utf8))
    #expect(try Self.found(in: made.file).state.output == Array("456789x".utf8))
  }

  @Test func firstVersionIsRead() throws {
    let printed = Array((1...1000).map { "\($0)\r\n" }.joined().utf8)
    let file = try FirstVersion.file(with: printed)
    let found = try Self.found(in: file)
    #expect(try found.state.record.specification.title == "Título")
    #expect(try found.state.record.command == ["sh", "-c", "seq 1 1000; read line; exit 3"])
    #expect(try found.state.settings.map(\.text) == ["size=100x30", "colour=red", "scrollback=4200"])
    #expect(found.state.size == Terminal.Size(columns: 101, rows: 33) && found.state.process == 28589)
    #expect(found.state.output == Array(printed[797...]) && found.state.printed == 4893)
    #expect(found.state.opened == nil && found.state.exit == nil)
    // From here on it is one of this version.
    found.state.keep(Array("more".utf8)[...])
    #expect(try Self.found(in: file).state.output.suffix(6) == Array("\r\nmore".utf8)[...])
  }
}

/// The state of a window as the windowd of the first version has written it: of one with 4,200 bytes of scrollback, resized,
/// in which `seq 1 1000` ran. The numbers are those that were found in its memory.
private enum FirstVersion {
  static let header: [UInt64] = [
    0x0A64_776F_646E_6977, 1, 7, 28589, 277, 46, 6_619_169, 0, 4893, 4893, 4_294_971_496, 0, 797,
  ]
  static let record = #"""
    {"specification":{"options":["size=100x30","scrollback=4096","colour=red"],"title":"Título","hold":true,\#
    "command":["sh","-c","seq 1 1000; read line; exit 3"],"environment":[],"class":{"general":"Editor",\#
    "instance":"one"}},"command":["sh","-c","seq 1 1000; read line; exit 3"]}
    """#
  static let settings = #"["size=100x30","colour=red","scrollback=4200"]"#

  static func file(with printed: [UInt8]) throws -> Held {
    var ring = [UInt8](repeating: 0, count: 4200)
    for position in 797..<4893 { ring[position % 4200] = printed[position] }
    let file = Held(try MemoryFile(named: "test", size: 36 << 20))
    for (index, word) in header.enumerated() {
      try file.write((0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }, at: index * 8)
    }
    try file.write(Array(record.utf8), at: 4096)
    try file.write(Array(settings.utf8), at: 2 << 20)
    try file.write(ring, at: 20 << 20)
    try file.file.seal([.shrink, .grow, .seal])
    return file
  }
}

/// What an array, a tuple and a closure cannot hold otherwise.
private final class Held {
  let file: MemoryFile
  init(_ file: consuming MemoryFile) { self.file = file }

  func write(_ bytes: [UInt8], at offset: Int) throws(SystemError) {
    // Bytes seen as raw bytes: nothing is reinterpreted.
    unsafe try file.write(bytes.span.bytes, at: offset)
  }
}

private final class HeldState {
  var state: WindowState
  init(_ state: consuming WindowState) { self.state = state }
}

/// The same numbers every time.
private struct Random: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    // SplitMix64's constants.
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
