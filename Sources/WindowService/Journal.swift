// What the daemon as a whole must still know after a restart: which ids it has given, how windows ended, and the settings
// that messages made. One JSON object a line, added as it happens, in the directory that the service manager keeps over
// restarts and removes after a stop.

internal import Glibc
internal import IPCKit
internal import WindowProtocol

/// The journal of a daemon. Without a directory it keeps nothing.
struct Journal: ~Copyable {
  /// One thing that happened. What is not known to this version is passed over.
  struct Entry: Codable, Hashable {
    /// Of the first line: the version of the journal.
    var journal: Int?
    /// An id that was given.
    var id: UInt64?
    /// A window that has gone.
    var ended: Reply.Ended?
    /// All settings that messages made.
    var settings: [String]?
  }

  private let path: String?
  private let log: Log
  private var file: FileDescriptor?
  /// How many bytes were added since it was written anew.
  private var added = 0
  /// Whether something could not be written: its end may be half an entry then, and the next one would be lost too.
  private(set) var isIncomplete = false

  private static let version = 1
  /// The longest line and the longest file that are read.
  private static let limit = 16 << 20
  /// After so much has been added, it is written anew.
  private static let most = 1 << 18

  init(in directory: String?, log: Log) {
    path = directory.map { $0 + "/journal" }
    self.log = log
  }

  /// What a unit's RuntimeDirectory= names; the first, where there are more.
  static var runtimeDirectory: String? {
    Environment.inherited["RUNTIME_DIRECTORY"]?.split(separator: ":").first.map(String.init)
  }

  /// What was written down, as far as it can be read. What cannot is put aside, and not overwritten.
  func read() -> [Entry] {
    guard let path else { return [] }
    var entries: [Entry] = []
    do throws(IPCError) {
      var reader = BufferedReader(try Self.openToRead(path), limit: Self.limit)
      while let line = try reader.nextLine(as: [UInt8].self) {
        // A process that was killed may have left the last line half written.
        let entry = try? WireFormat.decode(Entry.self, from: line)
        // The first line tells whose it is. It is never half written: the file had another name until it was complete.
        if entries.isEmpty, entry?.journal != Self.version {
          let version = entry?.journal.map { "of version \($0), which this windowd does not know" }
          putAside("it is \(version ?? "none of windowd's")")
          return []
        }
        if let entry { entries.append(entry) }
      }
    } catch IPCError.system(let error) where error.errno == ENOENT {
      return []
    } catch {
      putAside("\(error)")
    }
    return entries
  }

  /// Ids, ends and settings are lost to this process, but not to whoever looks for them.
  private func putAside(_ reason: String) {
    guard let path else { return }
    let aside = path + ".unread"
    log.write(.error, "the journal cannot be read, and is now \(aside): \(reason)")
    // Both are C strings for the length of the call.
    unsafe _ = rename(path, aside)
  }

  /// Adds what happened.
  mutating func add(_ entry: Entry) {
    guard file != nil else { return }
    do throws(SystemError) { try add([entry]) } catch { fail(error) }
  }

  private mutating func add(_ entries: [Entry]) throws(SystemError) {
    var bytes: [UInt8] = []
    for entry in entries { bytes += (try? WireFormat.line(entry)) ?? [] }
    // A file in memory takes them at once, or as many as there is room for.
    while !bytes.isEmpty {
      // Bytes seen as raw bytes: nothing is reinterpreted.
      let count = unsafe try file?.write(bytes.span.bytes) ?? bytes.count
      bytes.removeFirst(count)
      added += count
    }
  }

  /// Whether it is time to write it anew.
  var isLong: Bool { added > Self.most }

  /// Writes it anew with these entries, and goes on from there; the old one holds until the new one is complete.
  mutating func rewrite(_ entries: [Entry]) {
    guard let path else { return }
    let new = path + ".new"
    let old = file.take()
    do throws(SystemError) {
      file = try Self.open(new, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC)
      added = 0
      try add([Entry(journal: Self.version)] + entries)
      // Both are C strings for the length of the call.
      guard unsafe rename(new, path) == 0 else { throw SystemError(errno: errno, operation: "rename", object: new) }
      added = 0
      if isIncomplete { log.write(.information, "the journal is complete again") }
      isIncomplete = false
    } catch {
      // What is there of it takes room that the old one could need.
      unsafe _ = unlink(new)
      file = old
      fail(error)
    }
  }

  /// Until it can be written anew, which is tried with each entry, it is told once.
  private mutating func fail(_ error: SystemError) {
    if !isIncomplete { log.write(.error, "the journal is not complete: \(error)") }
    isIncomplete = true
  }

  /// A shortage that passes must not cost what was written down.
  private static func openToRead(_ path: String) throws(IPCError) -> FileDescriptor {
    var trials = 10
    while true {
      do throws(SystemError) {
        return try open(path, O_RDONLY)
      } catch {
        trials -= 1
        guard trials > 0, [EMFILE, ENFILE, ENOMEM].contains(error.errno) else { throw .system(error) }
        usleep(10_000)
      }
    }
  }

  private static func open(_ path: String, _ flags: Int32) throws(SystemError) -> FileDescriptor {
    try FileDescriptor(opening: path, flags | O_NOFOLLOW | O_NONBLOCK, mode: 0o600)
  }
}
