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
  // What has no head of its own is most often somebody else's.
  let hasHead = input.choice()
  let bytes = (hasHead ? Array("{\"journal\":1}\n".utf8) : []) + input.rest()
  Written.file.write(bytes)
  let journal = Journal(in: Written.directory, log: Log())
  var lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
  if lines.last?.isEmpty == true { lines.removeLast() }
  let entries = lines.map { try? WireFormat.decode(Journal.Entry.self, from: Array($0)) }
  let isForeign = entries.first.map { $0?.journal != 1 } ?? false
  let expected = isForeign ? [] : entries.compactMap(\.self)
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
