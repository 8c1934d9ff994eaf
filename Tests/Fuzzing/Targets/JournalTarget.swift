// A journal that was cut off, or that somebody else has written: what can be read of it is taken, line by line.

import Glibc
import IPCKit
import WindowProtocol

@testable import WindowService

private enum Written {
  static let directory = scratchDirectory()
  static let path = directory + "/journal"
  static let file = ScratchFile(path)

  /// Whether it was put aside; it is back then.
  static func takeBack() -> Bool {
    // Both are C strings for the length of the call.
    unsafe rename(path + ".unread", path) == 0
  }
}

@Sendable func fuzzJournal(_ input: inout Input) throws {
  let bytes = input.rest()
  Written.file.write(bytes)
  let journal = Journal(in: Written.directory, log: Log())
  var expected: [Journal.Entry] = []
  var isForeign = false
  for line in bytes.split(separator: 10) {
    guard let entry = try? WireFormat.decode(Journal.Entry.self, from: Array(line)) else { continue }
    if entry.journal != nil, entry.journal != 1 {
      expected = []
      isForeign = true
      break
    }
    expected.append(entry)
  }
  let found = journal.read()
  expectEqual(Written.takeBack(), isForeign, "whether it was put aside")
  expectEqual(found, expected, "the entries of \(String(decoding: bytes, as: UTF8.self))")
  for entry in found {
    guard let line = try? WireFormat.line(entry) else { fail("\(entry) cannot be written") }
    expectEqual(try? WireFormat.decode(Journal.Entry.self, from: line.dropLast()), entry, "an entry that was written")
    if let ended = entry.ended {
      expectEqual(ChildExit(ended.exit.exitStatus).exitStatus, ended.exit.exitStatus, "an end")
    }
    var settings = Settings()
    if let texts = entry.settings { try? settings.change(texts, reset: true) }
  }
}
