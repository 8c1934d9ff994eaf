// The one thing that /proc tells of a peer's process and no descriptor does: when it began.

internal import Glibc

/// /proc/PID/stat, as far as it is of use here.
package enum ProcessStatus {
  /// When the process began, in clock ticks since the machine started; nil when there is no such process.
  package static func startTime(ofProcess processID: Int32) throws(SystemError) -> UInt64? {
    guard processID > 0 else { return nil }
    let path = "/proc/\(processID)/stat"
    do throws(SystemError) {
      return startTime(in: try KernelText.contents(of: path))
    } catch  where error.errno == ENOENT || error.errno == ESRCH {
      return nil
    }
  }

  /// The 22nd field.
  package static func startTime(in status: [UInt8]) -> UInt64? { number(22, in: status) }

  /// A field with a number, counted from 1 as in proc(5); nil where there is none.
  package static func number(_ field: Int, in status: [UInt8]) -> UInt64? {
    text(field, in: status).flatMap { UInt64($0) }
  }

  /// A field behind the second. That is the program's name in parentheses, which may have spaces and parentheses of its own,
  /// and bytes that are not UTF-8: only the last parenthesis is surely not the name's.
  package static func text(_ field: Int, in status: [UInt8]) -> String? {
    guard let end = status.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    // The third is the first of these.
    let fields = status[(end + 1)...].split(separator: UInt8(ascii: " "))
    guard field > 2, fields.count > field - 3 else { return nil }
    return String(decoding: fields[field - 3], as: UTF8.self)
  }
}
