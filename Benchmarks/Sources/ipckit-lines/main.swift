// Lines of a file through the library's reader, again and again: ipckit-lines FILE borrowed|bytes|string [SECONDS].

internal import Glibc
internal import IPCKit

/// What a pass over the file found; `lengths` keeps the compiler from leaving the work out.
struct Sum {
  var lines = 0
  var lengths = 0
}

/// How a line is handed out.
enum Form: String {
  /// A view into the reader's buffer.
  case borrowed
  /// An array of its own.
  case bytes
  /// A string of its own.
  case string
}

/// Says what is wrong and ends.
func fail(_ reason: String, status: Int32 = 1) -> Never {
  print("ipckit-lines: \(reason)")
  exit(status)
}

/// Seconds on the monotonic clock.
func now() -> Double {
  var time = timespec()
  // The clock is there, and the kernel fills the two fields.
  _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// One pass from the file's start to its end.
func scan(_ path: String, _ form: Form) throws(IPCError) -> Sum {
  // A path without NULs; the number that open(2) returns has no other owner.
  let number = unsafe open(path, O_RDONLY | O_CLOEXEC)
  guard number >= 0 else { fail("\(path) does not open") }
  var reader = BufferedReader(unsafe FileDescriptor(owning: number))
  var sum = Sum()
  switch form {
  case .borrowed:
    while let line = try reader.nextLine() {
      sum.lines += 1
      sum.lengths += line.byteCount
    }
  case .bytes:
    while let line = try reader.nextLine(as: [UInt8].self) {
      sum.lines += 1
      sum.lengths += line.count
    }
  case .string:
    while let line = try reader.nextLine(as: String.self) {
      sum.lines += 1
      sum.lengths += line.utf8.count
    }
  }
  return sum
}

let arguments = CommandLine.arguments
guard arguments.count >= 3, let form = Form(rawValue: arguments[2]),
  let seconds = arguments.count > 3 ? Double(arguments[3]) : 1
else { fail("usage: FILE borrowed|bytes|string [SECONDS]", status: 64) }

do throws(IPCError) {
  let start = now()
  var sum = Sum()
  repeat {
    let pass = try scan(arguments[1], form)
    sum.lines += pass.lines
    sum.lengths += pass.lengths
  } while now() < start + seconds
  let took = now() - start
  // Newlines are read, too.
  let rate = Double(sum.lengths + sum.lines) / took / 1e9
  print("lines=\(sum.lines) seconds=\(took) gbps=\(rate)")
} catch {
  fail("\(error)")
}
