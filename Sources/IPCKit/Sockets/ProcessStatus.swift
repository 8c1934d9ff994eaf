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

  /// The 22nd field. The second is the program's name in parentheses, which may have spaces and parentheses of its own, and
  /// bytes that are not UTF-8: only the last parenthesis is surely not the name's.
  package static func startTime(in status: [UInt8]) -> UInt64? {
    guard let end = status.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    // The third is the first of these.
    let fields = status[(end + 1)...].split(separator: UInt8(ascii: " "))
    guard fields.count > 22 - 3 else { return nil }
    return UInt64(String(decoding: fields[22 - 3], as: UTF8.self))
  }
}
