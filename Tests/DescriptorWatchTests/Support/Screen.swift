// A terminal that a test holds the master of, and a program on it.

internal import CIPCShim
internal import Glibc
internal import IPCKit

/// What fdwatch shows to somebody who looks.
final class Screen {
  private let master: FileDescriptor
  private let process: DetachedProcess
  private var printed: [UInt8] = []
  private var isReaped = false

  /// Starts fdwatch with a terminal as its standard streams.
  init(
    _ arguments: String..., columns: UInt16 = 100, rows: UInt16 = 30, environment: [String: String?] = [:]
  ) throws {
    let number = ipc_open_terminal(columns, rows)
    guard number >= 0 else { throw TestFailure("no terminal: error \(-number)") }
    // Opened in the line above, for us alone.
    let master = unsafe FileDescriptor(owning: number)
    let index = contents(of: "/proc/self/fdinfo/\(number)").split(separator: "\n")
      .first { $0.hasPrefix("tty-index:") }?.split(separator: "\t").last
    guard let index else { throw TestFailure("the terminal has no index") }
    // A leader of a session that opens a terminal has it as its own from then on.
    let command = Command(
      arguments: ["sh", "-c", "exec <>/dev/pts/\(index) >&0 2>&0; exec \"$@\"", "sh", Program.path] + arguments,
      environment: Program.environment(environment))
    process = try DetachedProcess(command, with: ChildDescriptors(), deadline: .after(patience))
    self.master = master
  }

  /// All that was printed so far.
  var text: String {
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      var span = buffer.mutableSpan
      // Bytes seen as raw bytes: nothing is reinterpreted.
      var room = unsafe span.mutableBytes
      guard let count = try? master.read(into: &room), count > 0 else { break }
      printed += buffer.prefix(count)
    }
    return String(decoding: printed, as: UTF8.self)
  }

  /// Whether it comes to show this.
  func shows(_ part: String) -> Bool { eventually { text.contains(part) } }

  func resize(columns: UInt16, rows: UInt16) {
    // The number is used while the owner is borrowed.
    unsafe master.withUnsafeNumber { _ = ipc_set_terminal_size($0, columns, rows) }
  }

  /// Whether the program has been stopped, as a shell's job is.
  var isStopped: Bool {
    contents(of: "/proc/\(process.processID)/status").contains("State:\tT")
  }

  func type(_ text: String) throws { try master.writeAll(text, deadline: .after(patience)) }

  func signal(_ number: Int32) { kill(process.processID, number) }

  /// Waits for its end: its status, a signal's number negative.
  func status() throws -> Int32? {
    // What it still prints must find room.
    var ended: ExitStatus?
    _ = eventually {
      _ = text
      ended = try? process.exit(deadline: .after(.milliseconds(1)))
      return ended != nil
    }
    isReaped = ended != nil
    return switch ended {
    case .exited(let code): code
    case .signaled(let signal): -signal
    default: nil
    }
  }

  deinit {
    guard !isReaped else { return }
    kill(process.processID, SIGKILL)
    _ = try? process.exit(deadline: .after(patience))
  }
}
