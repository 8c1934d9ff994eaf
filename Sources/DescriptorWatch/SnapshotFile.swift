// Snapshots in files: whole or not there, and for their owner's eyes, since paths and command lines are in them.

internal import FoundationEssentials
internal import Glibc
internal import IPCKit

/// Reads and writes what `--save` keeps.
package enum SnapshotFile {
  /// How large a snapshot may be, in bytes: far more than one of as many descriptors as a process can have.
  static let largest = 64 << 20

  /// Writes a snapshot. A regular file is replaced by a whole one, whose mode is 0600 unless there was one before;
  /// anything else is written to.
  /// - Parameter patience: how long to wait for a reader while he takes nothing; nil for ever.
  package static func write(
    _ snapshot: Snapshot, to path: String, patience: Duration? = nil
  ) throws(WatchFailure) {
    let bytes = try JSONText.line(snapshot)
    try SnapshotPlace(path).write(bytes, path, patience: patience)
  }

  /// Whether a snapshot could be written there now; nothing is left by that.
  package static func check(_ path: String) throws(WatchFailure) { try SnapshotPlace(path).check(path) }

  /// Writes a file and closes it, which can fail too.
  /// - Parameter patience: how long to wait while nobody takes anything; nil for ever. Only what does not block heeds it.
  static func fill(
    _ file: consuming FileDescriptor, _ bytes: [UInt8], _ path: String, patience: Duration? = nil
  ) throws(WatchFailure) {
    do throws(IPCError) {
      // Bytes seen as raw bytes: nothing is reinterpreted.
      var rest = unsafe bytes.span.bytes
      while !rest.isEmpty {
        let count = try file.write(rest, deadline: patience.map { .after($0) } ?? .never)
        rest = rest.extracting(droppingFirst: count)
      }
    } catch .deadlineExceeded {
      throw WatchFailure("\(path): nobody reads it")
    } catch {
      throw WatchFailure("\(path): \(error)")
    }
    do throws(SystemError) { try file.close() } catch { throw WatchFailure("\(path): \(error)") }
  }

  /// Reads a snapshot, or the one in a report of `fdwatch --json`.
  package static func read(from path: String) throws(WatchFailure) -> Snapshot {
    let bytes = try contents(of: path)
    guard let found = decode(bytes) else { throw WatchFailure("\(path) is no snapshot of fdwatch's") }
    guard found.schema == Snapshot.currentSchema else {
      throw WatchFailure("\(path) is a snapshot of form \(found.schema), which this fdwatch does not know")
    }
    return found
  }

  private static func decode(_ bytes: [UInt8]) -> Snapshot? {
    struct Report: Decodable { let snapshot: Snapshot }
    let decoder = JSONDecoder()
    if let found = try? decoder.decode(Snapshot.self, from: Data(bytes)) { return found }
    // Samples may come before the report, in lines of their own.
    let last = bytes.split(separator: UInt8(ascii: "\n")).last ?? []
    for text in [bytes[...], last] {
      if let found = try? decoder.decode(Report.self, from: Data(text)) { return found.snapshot }
    }
    return nil
  }

  /// All of a regular file that is not too large. open(2), fstat(2), read(2).
  private static func contents(of path: String) throws(WatchFailure) -> [UInt8] {
    // A FIFO that nobody writes to must not be waited for.
    let file = try open(path, O_RDONLY | O_NONBLOCK)
    var status = stat()
    // The structure is valid for the length of the call, the number while its owner lives.
    guard unsafe file.withUnsafeNumber({ unsafe fstat($0, &status) }) == 0 else { throw failed("stat", path, errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw WatchFailure("\(path) is no regular file") }
    var contents: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while contents.count <= largest, status.st_size <= largest {
      var span = buffer.mutableSpan
      // Bytes seen as raw bytes: nothing is reinterpreted.
      var bytes = unsafe span.mutableBytes
      let count: Int
      do throws(SystemError) { count = try file.read(into: &bytes) } catch { throw failed("read", path, error.errno) }
      if count == 0 { return contents }
      contents.append(contentsOf: buffer[..<count])
    }
    throw WatchFailure("\(path) is larger than \(Numbers.size(Int64(largest))), as no snapshot is")
  }

  /// Opens a file, or says why not. open(2).
  static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0) throws(WatchFailure) -> FileDescriptor {
    do throws(SystemError) {
      return try FileDescriptor(opening: path, flags, mode: mode)
    } catch {
      throw WatchFailure("\(error)")
    }
  }

  private static func failed(_ operation: String, _ path: String, _ code: Int32) -> WatchFailure {
    WatchFailure("\(SystemError(errno: code, operation: operation, object: path))")
  }
}

/// JSON as fdwatch writes it.
package enum JSONText {
  /// One line with its end.
  package static func line(_ value: some Encodable) throws(WatchFailure) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { return Array(try encoder.encode(value)) + [UInt8(ascii: "\n")] } catch {
      throw WatchFailure("JSON: \(error)")
    }
  }
}
