// What a window is, in memory that outlives this process: whoever has the file has the window's properties and output,
// however the process ended that wrote them. So every change is made beside what holds, and then takes hold with one store
// of eight bytes, which is there or is not.

internal import FoundationEssentials
internal import Glibc
internal import IPCKit
internal import Synchronization
internal import WindowProtocol

/// What does not change in a window's life.
struct WindowRecord: Codable, Hashable {
  /// As it was asked for, without the variables: the child has them, and nobody else needs them.
  var specification: WindowSpecification
  /// The program and its arguments.
  var command: [String]

  init(_ specification: WindowSpecification, command: [String]) {
    self.specification = specification
    self.specification.environment = []
    self.command = command
  }
}

/// The state of one window. The table of windows alone touches it, and no other process while this one lives.
struct WindowState: ~Copyable {
  var memory: MemoryMapping
  /// Where output goes, and how much of it is kept.
  var ring: Ring
  /// How many bytes were printed in all.
  var printed: UInt64

  /// One of the two places for output, and how many bytes are kept there.
  struct Ring: Equatable {
    var place: Int
    var capacity: Int

    var word: UInt64 { UInt64(place) << 32 | UInt64(capacity) }
    /// Where its bytes begin.
    var base: Int { Layout.rings + place * Layout.ringSize }
    /// Which of the window's bytes the first one was that came here.
    var first: Int { Layout.firstInRing + place * 8 }
  }

  /// Where things are. Memory is used for what is written, so there is room for the largest of each.
  enum Layout {
    static let magic: UInt64 = 0x0A64_776F_646E_6977  // "windowd\n"
    /// The second; the first one did not know when a window was opened, and had its settings written down from the first
    /// moment.
    static let version: UInt64 = 2
    // Eight bytes each, in the order of this machine, which is all that ever reads them.
    static let versionField = 8
    static let identity = 16
    static let process = 24
    static let recordLength = 32
    /// Zero until they are changed: until then they are those that the window was asked for with.
    static let settings = 40
    static let size = 48
    static let exit = 56
    static let printed = 64
    /// Ahead of what was printed while bytes are written over older ones.
    static let reserved = 72
    static let ring = 80
    static let firstInRing = 88
    /// Zero in the first version.
    static let opened = 104
    static let record = 4096
    static let settingsPlaces = 2 << 20
    static let settingsPlaceSize = 1 << 20
    static let rings = 4 << 20
    /// The largest `scrollback`.
    static let ringSize = 16 << 20
    static let byteCount = rings + 2 * ringSize
  }

  init(_ memory: consuming MemoryMapping) {
    self.memory = memory
    (ring, printed) = (Ring(place: 0, capacity: 1), 0)
  }

  /// Writes down a new window whose process is not known yet.
  /// - Parameter file: what the state is in from now on.
  static func make(
    in file: borrowing MemoryFile, id: UInt64, _ record: WindowRecord, size: Terminal.Size, keeping capacity: Int
  ) throws(SystemError) -> WindowState {
    try file.resize(to: Layout.byteCount)
    try file.seal([.shrink, .grow, .seal])
    var state = WindowState(try MemoryMapping(file, access: .readAndWrite))
    state.ring.capacity = capacity
    state.store(state.ring.word, at: Layout.ring)
    state.store(id, at: Layout.identity)
    state.setSize(size)
    state.store(UInt64(time(nil)), at: Layout.opened)
    let room = Layout.settingsPlaces - Layout.record
    try state.write(record, limit: room, at: Layout.record, lengthAt: Layout.recordLength)
    state.store(Layout.version, at: Layout.versionField)
    state.publish(Layout.magic, at: 0)
    return state
  }

  private mutating func write(
    _ value: some Encodable, limit: Int, at offset: Int, lengthAt field: Int, place: Int = 0
  ) throws(SystemError) {
    guard let bytes = try? JSONEncoder().encode(value), bytes.count <= limit else {
      throw SystemError(errno: EMSGSIZE, operation: "write down a window")
    }
    // Bytes seen as raw bytes: nothing is reinterpreted.
    unsafe memory.copy(Array(bytes).span.bytes, to: offset)
    publish(UInt64(place) << 32 | UInt64(bytes.count), at: field)
  }

  // MARK: Properties

  /// The child's process.
  mutating func setProcess(_ number: Int32) { store(UInt64(UInt32(bitPattern: number)), at: Layout.process) }

  var process: Int32 { Int32(bitPattern: UInt32(truncatingIfNeeded: load(Layout.process))) }

  /// When the window was opened, in seconds since 1970; nil when nobody wrote it down.
  var opened: Int64? {
    let seconds = Int64(bitPattern: load(Layout.opened))
    return seconds == 0 ? nil : seconds
  }

  mutating func setSize(_ size: Terminal.Size) {
    store(UInt64(size.columns) << 16 | UInt64(size.rows), at: Layout.size)
  }

  var size: Terminal.Size {
    let word = load(Layout.size)
    return Terminal.Size(columns: UInt16(truncatingIfNeeded: word >> 16), rows: UInt16(truncatingIfNeeded: word))
  }

  /// Writes the settings beside those that hold.
  mutating func setSettings(_ settings: [Setting]) throws(SystemError) {
    let place = load(Layout.settings) >> 32 == 0 ? 1 : 0
    try write(
      settings.map(\.text), limit: Layout.settingsPlaceSize,
      at: Layout.settingsPlaces + place * Layout.settingsPlaceSize, lengthAt: Layout.settings, place: place)
  }

  /// How the child has ended; nil while it lives, for all that is known.
  mutating func setExit(_ exit: ExitStatus) {
    let word: UInt64 =
      switch exit {
      case .exited(let code): 1 << 32 | UInt64(UInt32(bitPattern: code))
      case .signaled(let number): 2 << 32 | UInt64(UInt32(bitPattern: number))
      case .unknown: 3 << 32
      }
    store(word, at: Layout.exit)
  }

  var exit: ExitStatus? {
    let word = load(Layout.exit)
    let number = Int32(bitPattern: UInt32(truncatingIfNeeded: word))
    return switch word >> 32 {
    case 0: nil
    case 1: .exited(number)
    case 2: .signaled(number)
    default: .unknown
    }
  }

  // MARK: Memory

  func load(_ offset: Int) -> UInt64 {
    // Nobody writes while this process reads: the one that did has ended.
    unsafe memory.bytes.unsafeLoad(fromByteOffset: offset, as: UInt64.self)
  }

  mutating func store(_ value: UInt64, at offset: Int) {
    // Nobody reads while this process writes: the one that will is not there yet.
    var bytes = unsafe memory.mutableBytes
    bytes.storeBytes(of: value, toByteOffset: offset, as: UInt64.self)
  }

  /// Stores a word after all that it speaks of.
  mutating func publish(_ value: UInt64, at offset: Int) {
    atomicMemoryFence(ordering: .acquiringAndReleasing)
    store(value, at: offset)
    atomicMemoryFence(ordering: .acquiringAndReleasing)
  }
}
