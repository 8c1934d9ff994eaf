// The key that detaches, against a search that tries every form of it at every place.

@testable import WindowService

@Sendable func fuzzDetachKey(_ input: inout Input) throws {
  let key = UInt8(input.choice(32))
  let (before, cut) = (input.choice(3), input.choice(64))
  let typed = Array(input.rest())
  let slice = typed.dropFirst(before)
  let found = DetachKey(byte: key).firstRange(in: slice)
  findInTwoReads(key, slice, cut)
  expectEqual(found, slice.indices.lazy.compactMap { range(of: key, at: $0, in: slice) }.first, "\(key) in \(typed)")
}

/// A key that is cut in two is the same key.
private func findInTwoReads(_ key: UInt8, _ typed: ArraySlice<UInt8>, _ cut: Int) {
  let (first, second) = (typed.prefix(cut), typed.dropFirst(cut))
  let detachKey = DetachKey(byte: key)
  guard detachKey.firstRange(in: first) == nil else { return }
  let all = DetachKey.unfinished(in: first) + second
  let whole = typed.indices.lazy.compactMap { range(of: key, at: $0, in: typed) }.first
  expectEqual(
    detachKey.firstRange(in: all[...]).map { all.endIndex - $0.upperBound },
    whole.map { typed.endIndex - $0.upperBound },
    "\(key) in \(typed), cut at \(cut)")
}

/// The characters that a terminal may name the key by.
private func codes(of key: UInt8) -> Set<Int> {
  let letter = Int(key) + 64
  return (65...90).contains(letter) ? [letter, letter + 32] : key == 0 ? [64, 32] : [letter]
}

private func range(of key: UInt8, at start: Int, in typed: ArraySlice<UInt8>) -> Range<Int>? {
  if typed[start] == key { return start..<start + 1 }
  guard typed[start...].starts(with: [0x1B, 0x5B]) else { return nil }
  let body = typed[(start + 2)...]
  guard let end = body.firstIndex(where: { !"0123456789:;".utf8.contains($0) }) else { return nil }
  let groups = String(decoding: body[..<end], as: UTF8.self).split(separator: ";", omittingEmptySubsequences: false)
    .map { $0.split(separator: ":", omittingEmptySubsequences: false).map { $0.count > 7 ? 0 : Int($0) ?? 0 } }
  let (names, modifiers, event): ([Int], Int, Int)
  switch typed[end] {
  case UInt8(ascii: "u") where groups.count > 1:
    (names, modifiers, event) = (groups[0], groups[1][0], groups[1].dropFirst().first ?? 1)
  case UInt8(ascii: "~") where groups.count == 3 && groups[0] == [27]:
    (names, modifiers, event) = (groups[2], groups[1][0], 1)
  default: return nil
  }
  // Control, with Shift and the locks or without, and nothing else; not the release.
  let allowed = [0, 1, 64, 65, 128, 129, 192, 193].map { $0 + 4 + 1 }
  guard allowed.contains(modifiers), event != 3, !codes(of: key).isDisjoint(with: names) else { return nil }
  return start..<end + 1
}
