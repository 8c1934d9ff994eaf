// Files for what is read by its path: in memory, one for all inputs, removed when the process ends as it should.

import Glibc

/// A directory of this process's own.
func scratchDirectory() -> String {
  let name = Array("/dev/shm/ipckit-fuzz-XXXXXX".utf8CString)
  var path = name
  // The template is changed in place, within its length.
  guard unsafe mkdtemp(&path) != nil else { fail("mkdtemp: \(errno)") }
  let text = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  Scratch.remember(text)
  return text
}

private enum Scratch {
  nonisolated(unsafe) static var path = ""

  static func remember(_ text: String) {
    unsafe path = text
    atexit {
      for name in ["/net/tcp", "/net/unix", "/net/netlink", "/net", "/journal", "/journal.new", "/journal.unread", ""] {
        // Names in a directory of our own.
        _ = unsafe remove(Scratch.path + name)
      }
    }
  }
}

/// A file whose contents are those of the input at hand.
struct ScratchFile {
  private let number: CInt

  init(_ path: String) {
    // A name in a directory of our own; open for as long as the process runs.
    number = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    if number < 0 { fail("open \(path): \(errno)") }
  }

  func write(_ bytes: [UInt8]) {
    // As many bytes as there are, for the length of the call.
    guard ftruncate(number, 0) == 0, unsafe pwrite(number, bytes, bytes.count, 0) == bytes.count else {
      fail("a scratch file: \(errno)")
    }
  }
}
