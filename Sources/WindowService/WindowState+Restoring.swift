// A window's state as an earlier windowd has left it: looked at as one looks at a stranger's, because that one may have been
// of another version, or have died of the very thing that made it write nonsense.

internal import FoundationEssentials
internal import Glibc
internal import IPCKit
internal import WindowProtocol

/// Why a memory file is not the state of a window.
enum WindowStateError: Error, CustomStringConvertible {
  /// Of a version that this windowd does not know.
  case otherVersion(UInt64)
  /// It contradicts itself.
  case corrupt(String)
  case system(SystemError)

  var description: String {
    switch self {
    case .otherVersion(let version): "its state is of version \(version), which this windowd does not know"
    case .corrupt(let what): "its state is corrupt: \(what)"
    case .system(let error): "its state cannot be used: \(error)"
    }
  }
}

extension WindowState {
  /// Takes over what an earlier process has written down.
  static func restore(_ descriptor: consuming FileDescriptor, id: UInt64) throws(WindowStateError) -> WindowState {
    var state = WindowState(try map(descriptor))
    guard state.load(0) == Layout.magic else { throw .corrupt("it does not begin as one does") }
    let version = state.load(Layout.versionField)
    guard (1...Layout.version).contains(version) else { throw .otherVersion(version) }
    let owner = state.load(Layout.identity)
    guard owner == id else { throw .corrupt("it is that of window \(owner)") }
    try state.restoreOutput()
    // What the earlier versions lack is zero in their files too.
    state.publish(Layout.version, at: Layout.versionField)
    return state
  }

  private static func map(_ descriptor: consuming FileDescriptor) throws(WindowStateError) -> MemoryMapping {
    do throws(SystemError) {
      let file = try MemoryFile(descriptor, sealed: [.shrink, .grow])
      // Its own size, not what it says of itself: nothing outside of it is ever touched.
      let size = try file.size
      guard size == Layout.byteCount else {
        throw SystemError(errno: EINVAL, operation: "map", object: "\(size) bytes")
      }
      return try MemoryMapping(file, access: .readAndWrite)
    } catch {
      throw .system(error)
    }
  }

  private mutating func restoreOutput() throws(WindowStateError) {
    let word = load(Layout.ring)
    ring = Ring(place: Int(word >> 32), capacity: Int(word & 0xFFFF_FFFF))
    guard (0...1).contains(ring.place), (1...Layout.ringSize).contains(ring.capacity) else {
      throw .corrupt("there is no such place for output")
    }
    printed = load(Layout.printed)
    let reserved = load(Layout.reserved)
    // More than any program prints would leave no room to count on in.
    guard printed <= UInt64(Int64.max), load(ring.first) <= printed, reserved >= printed,
      reserved - printed <= UInt64(Layout.ringSize)
    else {
      throw .corrupt("its output has no end")
    }
    // What was half done stays half done: of the bytes that were to be written over, none is read any more.
    publish(start, at: ring.first)
    publish(printed, at: Layout.reserved)
  }

  /// What does not change.
  var record: WindowRecord {
    get throws(WindowStateError) {
      try read(
        WindowRecord.self, at: Layout.record, limit: Layout.settingsPlaces - Layout.record, load(Layout.recordLength))
    }
  }

  /// Settings for this window alone.
  var settings: [Setting] {
    get throws(WindowStateError) {
      let word = load(Layout.settings)
      let texts = word == 0 ? try record.specification.options : try readSettings(word)
      do throws(ConfigurationError) {
        return try Settings.parse(texts)
      } catch {
        throw .corrupt("\(error)")
      }
    }
  }

  private func readSettings(_ word: UInt64) throws(WindowStateError) -> [String] {
    let place = Int(word >> 32)
    guard (0...1).contains(place) else { throw .corrupt("there is no such place for settings") }
    return try read(
      [String].self, at: Layout.settingsPlaces + place * Layout.settingsPlaceSize, limit: Layout.settingsPlaceSize,
      word & 0xFFFF_FFFF)
  }

  private func read<Value: Decodable>(
    _ type: Value.Type, at offset: Int, limit: Int, _ length: UInt64
  ) throws(WindowStateError) -> Value {
    guard let count = Int(exactly: length), count <= limit else { throw .corrupt("its properties have no end") }
    guard let value = try? JSONDecoder().decode(type, from: Data(copy(offset, count))) else {
      throw .corrupt("its properties cannot be read")
    }
    return value
  }
}
