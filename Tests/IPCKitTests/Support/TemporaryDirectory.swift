// A directory for a test's sockets and files, gone when the test ends.

import Glibc
import IPCKit

/// A new directory with mode 0700 that removes itself and all in it.
struct TemporaryDirectory: ~Copyable {
  let path: String

  init() throws {
    var template = Array("/tmp/ipckit-XXXXXX".utf8CString)
    // mkdtemp changes the six last characters in place.
    guard unsafe mkdtemp(&template) != nil else { throw SystemError(errno: errno, operation: "mkdtemp") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { removeTree(path) }

  /// A path in the directory.
  func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }
}

/// What stands in a directory, sorted.
func entries(of directory: String) -> [String] {
  guard let stream = unsafe opendir(directory) else { return [] }
  defer { unsafe closedir(stream) }
  var names: [String] = []
  while let entry = unsafe readdir(stream) {
    // d_name is a C string inside the entry, which is valid until the next readdir.
    let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
      unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
    }
    if name != ".", name != ".." { names.append(name) }
  }
  return names.sorted()
}

private func removeTree(_ path: String) {
  var found = stat()
  guard unsafe lstat(path, &found) == 0 else { return }
  guard found.st_mode & S_IFMT == S_IFDIR else {
    unsafe _ = unlink(path)
    return
  }
  for name in entries(of: path) { removeTree("\(path)/\(name)") }
  unsafe _ = rmdir(path)
}

/// The kind and permissions of what stands at `path` itself; nil when nothing does.
func mode(of path: String) -> mode_t? {
  var found = stat()
  return unsafe lstat(path, &found) == 0 ? found.st_mode : nil
}

/// Names the file at `path` as long as it exists; nil when there is none.
func inode(of path: String) -> ino_t? {
  var found = stat()
  return unsafe lstat(path, &found) == 0 ? found.st_ino : nil
}

/// All of a file's text; /proc's have no size, so it is read to its end.
func contents(of path: String) throws -> String {
  var reader = BufferedReader(try openFile(path, O_RDONLY))
  var text: [UInt8] = []
  while let line = try reader.nextLine(as: [UInt8].self) { text += line + [UInt8(ascii: "\n")] }
  return String(decoding: text, as: UTF8.self)
}

/// Writes a new file.
func writeFile(_ path: String, _ text: String, mode: mode_t = 0o600) throws {
  let file = try openFile(path, O_WRONLY | O_CREAT | O_EXCL, mode)
  try file.writeAll(text)
}

/// open(2) with O_CLOEXEC.
func openFile(_ path: String, _ flags: CInt, _ mode: mode_t = 0o600) throws(SystemError) -> FileDescriptor {
  let number = unsafe open(path, flags | O_CLOEXEC, mode)
  guard number >= 0 else { throw SystemError(errno: errno, operation: "open", object: path) }
  // open just handed the number out.
  return unsafe FileDescriptor(owning: number)
}
