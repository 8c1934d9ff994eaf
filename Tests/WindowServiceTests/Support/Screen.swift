// A terminal emulator as small as can be: a pseudo-terminal, what was printed on it, and a keyboard.

internal import CIPCShim
internal import Glibc
internal import IPCKit
internal import Testing

/// A pseudo-terminal that a test holds the master of. It shows nothing while nobody asks what it shows: a terminal that is
/// not looked at is a slow one.
final class Screen {
  /// What programs open.
  let path: String
  private var master: FileDescriptor?
  private var printed: [UInt8] = []

  init(columns: UInt16 = 80, rows: UInt16 = 24) throws {
    let number = ipc_open_terminal(columns, rows)
    guard number >= 0 else { throw TestFailure("no terminal: error \(-number)") }
    // Opened in the line above, for us alone.
    master = unsafe FileDescriptor(owning: number)
    path = try terminalPath(ofMaster: number)
  }

  /// Runs a program with this as its controlling terminal and its standard streams.
  func run(_ arguments: [String], environment: [String: String?] = [:]) throws -> RunningProcess {
    // A leader of a session that opens a terminal has it as its own from then on.
    try RunningProcess(
      arguments, environment: plainEnvironment(environment), setup: "exec <>\(path) >&0 2>&0")
  }

  func resize(columns: UInt16, rows: UInt16) {
    // The number is used while the owner is borrowed.
    unsafe master?.withUnsafeNumber { _ = ipc_set_terminal_size($0, columns, rows) }
  }

  /// What stty(1) says of it; the size too.
  var settings: String {
    // As a shell's child: stty itself, leading a session, would take the terminal for its own.
    get throws { try outcome(of: ["sh", "-c", "stty --file \(path) -a; exit $?"]).text }
  }

  func type(_ text: String) throws { try type(Array(text.utf8)) }

  /// Types as fast as it is taken.
  func type(_ bytes: [UInt8]) throws {
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try unsafe master?.writeAll(bytes.span.bytes, deadline: patientDeadline)
  }

  /// Types what is taken at once; nil when nothing is.
  func typeOnce(_ bytes: [UInt8]) -> Int? {
    // Bytes seen as raw bytes: nothing is reinterpreted.
    try? unsafe master?.write(bytes.span.bytes)
  }

  /// All that was printed so far, from now on.
  var bytes: [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      var span = buffer.mutableSpan
      // Bytes seen as raw bytes: nothing is reinterpreted.
      var room = unsafe span.mutableBytes
      guard let count = try? master?.read(into: &room), count > 0 else { return printed }
      printed += buffer.prefix(count)
    }
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  /// Whether it comes to show this.
  func shows(_ part: String) -> Bool { eventually { text.contains(part) } }

  /// Whether it comes to show this after what it has shown by now.
  func shows(_ part: String, after action: () throws -> Void) rethrows -> Bool {
    let count = bytes.count
    try action()
    return eventually { String(decoding: bytes.dropFirst(count), as: UTF8.self).contains(part) }
  }

  /// Closes it, as a window on a desktop is closed.
  func hangUp() { master = nil }
}

/// The tests' own `run`, by a name that a method of the same name does not hide.
private func outcome(of arguments: [String]) throws -> Outcome { try run(arguments) }

/// What programs open to have the other side, by the kernel's word.
private func terminalPath(ofMaster number: Int32) throws -> String {
  let details = text(of: "/proc/self/fdinfo/\(number)") ?? ""
  let index = details.split(separator: "\n").first { $0.hasPrefix("tty-index:") }?.split(separator: "\t").last
  guard let index else { throw TestFailure("no index in '\(details)'") }
  return "/dev/pts/\(index)"
}
