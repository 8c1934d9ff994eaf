// What a window printed last, against an array that is simply cut off in front.

@testable import WindowService

@Sendable func fuzzOutputRing(_ input: inout Input) throws {
  var capacity = input.choice(40) + 1
  var ring = OutputRing(capacity: capacity)
  var (kept, total): ([UInt8], UInt64) = ([], 0)
  while !input.isEmpty {
    switch input.choice(8) {
    case 0:
      capacity = input.choice(40) + 1
      ring.resize(to: capacity)
    case 1:
      let count = input.choice(60)
      expectEqual(ring.newest(count), kept.suffix(count), "the newest \(count)")
    case 2:
      let distance = input.choice(kept.count + 1)
      let piece = ring.piece(from: total - UInt64(distance))
      let bytes = (0..<piece.byteCount).map { unsafe piece.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
      expect(kept.suffix(distance).starts(with: bytes), "a piece of others: \(bytes) of \(kept.suffix(distance))")
      expect(distance == 0 || !bytes.isEmpty, "an empty piece before the end")
    default:
      let bytes = input.take(input.choice(100))
      ring.append(bytes[...])
      kept += bytes
      total += UInt64(bytes.count)
    }
    kept = kept.suffix(capacity)
    expectEqual(ring.bytes, kept, "what is kept")
    expectEqual(ring.total, total, "how many there were")
    expectEqual(ring.count, kept.count, "how many are kept")
  }
}
