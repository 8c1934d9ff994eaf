// Processes that share this program's code: racing for a path, dying with a socket bound, being activated. Swift hides
// fork(2) because a forked child has none of its parent's other threads and may find their locks taken. So it is done in
// an exit test's process alone, where nothing else runs.

import Glibc
import IPCKit

/// A forked child; its number is this process's to reap.
struct ForkedChild {
  let processID: pid_t

  /// Forks a child that runs `body` and ends with what it returns.
  init(_ body: () -> Int32) {
    typealias Fork = @convention(c) () -> pid_t
    // The symbol is fork(2)'s, whose type this is.
    guard let symbol = unsafe dlsym(nil, "fork") else { fatalError("no fork") }
    processID = unsafe unsafeBitCast(symbol, to: Fork.self)()
    if processID == 0 { _exit(body()) }
  }

  /// Sends SIGKILL.
  func kill() { Glibc.kill(processID, SIGKILL) }

  /// Waits for the end; the exit status, or the negated signal.
  func wait() -> Int32 {
    var status: Int32 = 0
    // waitpid writes the status and keeps no pointer.
    while unsafe waitpid(processID, &status, 0) < 0, errno == EINTR {}
    return status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
  }
}

/// What `body` tells of a forked child's inside; its error if it throws one.
func toldByForkedChild(_ body: () throws -> String) throws -> String {
  try toldByForkedChild { report in (report, try body()) }
}

/// The same for a body that rearranges its descriptors: it is given the number to report to, and answers with the number
/// that this has become.
func toldByForkedChild(_ body: (Int32) throws -> (Int32, String)) throws -> String {
  let pipe = try Pipe()
  let child = ForkedChild {
    // The number is this child's for good.
    var report = unsafe pipe.writing.withUnsafeNumber { dup($0) }
    var text: String
    do { (report, text) = try body(report) } catch { text = "failed: \(error)" }
    text += "\n"
    // The text is valid for the length of the call.
    return text.withUTF8 { unsafe write(report, $0.baseAddress, $0.count) } == text.utf8.count ? 0 : 1
  }
  var reader = BufferedReader(pipe.intoReading())
  var lines: [String] = []
  do {
    while let line = try reader.nextLine(as: String.self, deadline: .after(.seconds(120))) { lines.append(line) }
  } catch {
    child.kill()
    lines.append("\(error)")
  }
  let status = child.wait()
  if status != 0 { lines.append("ended with \(status)") }
  return lines.joined(separator: "\n")
}

/// A gate between processes: as many enter as it was opened for.
struct Gate: Copyable, Sendable {
  private final class Ends: Sendable {
    let pipe: Pipe
    init() throws { pipe = try Pipe() }
  }
  private let ends: Ends

  init() throws { ends = try Ends() }

  func open(for count: Int) { try? ends.pipe.writing.writeAll(String(repeating: "x", count: count)) }

  /// Waits for the opening.
  func enter() { _ = try? readOnce(ends.pipe.reading, 1) }
}
