// The file that a command's report goes to: opened before the command is started, so that nothing is run in vain.

internal import Glibc
internal import IPCKit

/// An open file that is written once.
final class ReportFile {
  private let path: String
  private var file: FileDescriptor?

  /// Makes it, or empties what is there. open(2).
  init(_ path: String) throws(WatchFailure) {
    self.path = path
    file = try SnapshotFile.open(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o666)
  }

  /// Writes the file and closes it; the second time does nothing.
  func write(_ bytes: [UInt8]) throws(WatchFailure) {
    guard let open = file.take() else { return }
    try SnapshotFile.fill(open, bytes, path)
  }
}
