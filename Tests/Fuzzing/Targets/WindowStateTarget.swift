// A window's state as another process may have left it: refused, or as sound as one that this process has written.

import Glibc
import IPCKit
import WindowProtocol

@testable import WindowService

private typealias Layout = WindowState.Layout

/// One file for all inputs, and its memory.
private final class Place {
  let file: MemoryFile
  var memory: MemoryMapping

  static let shared: Place = {
    do {
      return try Place()
    } catch {
      fail("no memory: \(error)")
    }
  }()

  private init() throws(SystemError) {
    let made = try MemoryFile(named: "fuzz", size: Layout.byteCount)
    try made.seal([.shrink, .grow])
    memory = try MemoryMapping(made, access: .readAndWrite)
    file = made
  }

  /// The parts of a state that are not zero; each begins where it does, and has a length of two bytes.
  func fill(_ input: inout Input) throws(SystemError) {
    try memory.discard(0..<Layout.byteCount)
    let starts = [
      0, Layout.record, Layout.settingsPlaces, Layout.settingsPlaces + Layout.settingsPlaceSize, Layout.rings,
      Layout.rings + Layout.ringSize, Layout.rings + Layout.ringSize - 64, Layout.byteCount - 64,
    ]
    while !input.isEmpty {
      let head = input.take(3)
      guard head.count == 3 else { return }
      let start = starts[Int(head[0]) % starts.count]
      let bytes = input.take(min(Int(head[1]) << 8 | Int(head[2]), Layout.byteCount - start))
      // Bytes seen as raw bytes: nothing is reinterpreted.
      unsafe memory.copy(bytes.span.bytes, to: start)
    }
  }

  func bytes(_ offset: Int, _ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var span = bytes.mutableSpan
    // Bytes seen as raw bytes: nothing is reinterpreted.
    var raw = unsafe span.mutableBytes
    memory.copy(from: offset, into: &raw)
    return bytes
  }

  func word(_ offset: Int) -> UInt64 { bytes(offset, 8).reversed().reduce(0) { $0 << 8 | UInt64($1) } }
}

extension Place: @unchecked Sendable {}  // One thread runs all inputs.

@Sendable func fuzzWindowState(_ input: inout Input) throws {
  let place = Place.shared
  if input.choice(16) == 15 { return try refuse(&input) }
  let id = UInt64(input.choice(4) == 3 ? input.choice(256) : 7)
  let capacity = input.choice(5000) + 1
  try place.fill(&input)
  let header = (0..<14).map { place.word($0 * 8) }
  var state: WindowState
  do throws(WindowStateError) {
    state = try WindowState.restore(try duplicate(place.file.descriptor), id: id)
  } catch {
    expect(!error.description.isEmpty, "a refusal without a reason")
    return expect(!isRight(header, id), "\(error) of \(header)")
  }
  expect(isRight(header, id), "\(header) was taken")
  check(state, header, place)
  try change(&state, id, capacity)
}

private func duplicate(_ descriptor: borrowing FileDescriptor) throws(WindowStateError) -> FileDescriptor {
  do throws(SystemError) { return try descriptor.duplicate() } catch { throw .system(error) }
}

/// What a header must be to be believed.
private func isRight(_ header: [UInt64], _ id: UInt64) -> Bool {
  let (place, capacity) = (header[10] >> 32, header[10] & 0xFFFF_FFFF)
  guard header[0] == Layout.magic, header[1] == 1 || header[1] == 2, header[2] == id, place < 2, capacity > 0,
    capacity <= UInt64(Layout.ringSize)
  else { return false }
  let (printed, reserved, first) = (header[8], header[9], header[11 + Int(place)])
  // No program has printed as much as half of what the number can say.
  return first <= printed && printed <= reserved && reserved - printed <= UInt64(Layout.ringSize) && printed < 1 << 63
}

private func check(_ state: borrowing WindowState, _ header: [UInt64], _ place: Place) {
  let (start, printed) = (state.start, state.printed)
  let capacity = UInt64(state.ring.capacity)
  expect(start <= printed && printed - start <= capacity, "\(start) to \(printed) in \(capacity)")
  expectEqual(printed, header[8], "how much was printed")
  guard printed - start < 1 << 16 else { return }
  let base = Layout.rings + state.ring.place * Layout.ringSize
  let ring = place.bytes(base, Int(min(capacity, 1 << 16)))
  guard ring.count == Int(capacity) else { return }
  let expected = (start..<printed).map { ring[Int($0 % capacity)] }
  expectEqual(state.output, expected, "the output")
  let record = try? state.record
  let settings = try? state.settings
  if let settings { expect(settings.allSatisfy { !$0.key.isEmpty }, "a setting without a key") }
  if record != nil { expect(header[4] > 0, "a record out of nothing") }
  _ = (state.exit, state.size, state.process, state.opened)
}

/// It goes on as one that was made here.
private func change(_ state: inout WindowState, _ id: UInt64, _ capacity: Int) throws {
  guard state.printed - state.start < 1 << 16 else { return state.keep(Array("more".utf8)[...]) }
  var expected = state.output
  var total = state.printed
  for text in ["more", String(repeating: "x", count: capacity % 300), ""] {
    state.keep(Array(text.utf8)[...])
    expected = (expected + text.utf8).suffix(state.ring.capacity)
    total += UInt64(text.utf8.count)
    expectEqual(state.output, expected, "the output with more")
  }
  state.keepOutput(of: capacity)
  expected = expected.suffix(capacity)
  state.keep(Array("end".utf8)[...])
  expected = (expected + "end".utf8).suffix(capacity)
  let settings = [try Setting("a=b"), try Setting("size=10x10")]
  try state.setSettings(settings)
  state.setExit(.signaled(9))
  let again = try WindowState.restore(try duplicate(Place.shared.file.descriptor), id: id)
  expectEqual(again.output, expected, "the output of the next process")
  expectEqual(again.printed, total + 3, "how much the next process finds printed")
  expectEqual(try? again.settings, settings, "the settings of the next process")
  expectEqual(again.exit, .signaled(9), "the end that the next process finds")
}

/// Files that are no state at all.
private func refuse(_ input: inout Input) throws {
  let size = input.choice() ? Layout.byteCount : input.choice(60_000)
  let file = try MemoryFile(named: "none", size: size)
  let pipe = try Pipe()
  let isPipe = input.choice()
  if size != Layout.byteCount { try file.seal([.shrink, .grow]) }
  let descriptor = try isPipe ? pipe.reading.duplicate() : file.descriptor.duplicate()
  do throws(WindowStateError) {
    _ = try WindowState.restore(descriptor, id: 7)
    fail("what is no state was taken for one")
  } catch {
    guard case .system = error else { fail("\(error) of what is no state") }
  }
}
