// Snapshots in files: whole or not there, and for their owner's eyes, since paths and command lines are in them.

internal import FoundationEssentials
internal import Glibc
internal import IPCKit

/// Reads and writes what `--save` keeps.
package enum SnapshotFile {
  /// Writes a snapshot beside the path and then puts it there. open(2) with O_EXCL and mode 0600, rename(2).
  package static func write(_ snapshot: Snapshot, to path: String) throws(WatchFailure) {
    let bytes = try JSONText.line(snapshot)
    let name = "\(path).\(String(UInt64.random(in: 0 ... .max), radix: 36))"
    // The path is a C string for the length of the call.
    let number = unsafe open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard number >= 0 else { throw failed("create", path, errno) }
    do throws(WatchFailure) {
      // open just handed the number out.
      try fill(unsafe FileDescriptor(owning: number), bytes, path)
      // Both are C strings for the length of the call.
      guard unsafe rename(name, path) == 0 else { throw failed("rename to", path, errno) }
    } catch {
      // As above.
      unsafe _ = unlink(name)
      throw error
    }
  }

  /// Writes a file and closes it, which can fail too.
  static func fill(_ file: consuming FileDescriptor, _ bytes: [UInt8], _ path: String) throws(WatchFailure) {
    do throws(IPCError) {
      // Bytes seen as raw bytes: nothing is reinterpreted.
      try unsafe file.writeAll(bytes.span.bytes)
    } catch {
      throw WatchFailure("\(path): \(error)")
    }
    do throws(SystemError) { try file.close() } catch { throw WatchFailure("\(path): \(error)") }
  }

  /// Reads a snapshot.
  package static func read(from path: String) throws(WatchFailure) -> Snapshot {
    let bytes: [UInt8]
    do throws(SystemError) { bytes = try KernelText.contents(of: path) } catch { throw WatchFailure("\(error)") }
    let found: Snapshot
    do { found = try JSONDecoder().decode(Snapshot.self, from: Data(bytes)) } catch {
      throw WatchFailure("\(path) is no snapshot of fdwatch's")
    }
    guard found.schema == Snapshot.currentSchema else {
      throw WatchFailure("\(path) is a snapshot of form \(found.schema), which this fdwatch does not know")
    }
    return found
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
