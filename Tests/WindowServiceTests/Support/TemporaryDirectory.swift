// Places for a test's own files: made for it, and gone with it.

internal import FoundationEssentials

/// A directory in /tmp that nobody else uses; short, so that a socket's path fits.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    path = "/tmp/wst-" + UUID().uuidString.prefix(8).lowercased()
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a name in it.
  func file(_ name: String) -> String { path + "/" + name }

  /// Writes a file and returns its path.
  func write(_ text: String, to name: String, mode: Int = 0o644) throws -> String {
    try Data(text.utf8).write(to: URL(filePath: file(name)))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file(name))
    return file(name)
  }
}

/// The bytes of a file, which may be one of /proc; nil when there is none.
func contents(of path: String) -> [UInt8]? { FileManager.default.contents(atPath: path).map { [UInt8]($0) } }

/// The same as text.
func text(of path: String) -> String? { contents(of: path).map { String(decoding: $0, as: UTF8.self) } }

/// Whether something stands at the path; a link counts as itself.
func exists(_ path: String) -> Bool { (try? FileManager.default.attributesOfItem(atPath: path)) != nil }

/// Where a link leads; nil when it is none.
func link(at path: String) -> String? { try? FileManager.default.destinationOfSymbolicLink(atPath: path) }

/// The names in a directory; none when it cannot be read.
func names(in path: String) -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }
