// Whether a process is at its end. A number is held by what has ended until it is reaped, and a first thread may end long
// before the others.

internal import FoundationEssentials
internal import IPCKit

/// What the kernel tells of a process's life.
enum ProcessState {
  /// Whether it has ended or is about to: no thread of it is left that does not end.
  static func isEnding(_ processID: Int32) -> Bool {
    guard isEnding("/proc/\(processID)/stat") else { return false }
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(processID)/task")) ?? []
    return threads.allSatisfy { isEnding("/proc/\(processID)/task/\($0)/stat") }
  }

  /// PF_EXITING among a thread's flags, the 9th field of its stat, which stays set in what waits to be reaped; proc(5).
  private static func isEnding(_ path: String) -> Bool {
    guard let status = try? KernelText.contents(of: path), let end = status.lastIndex(of: UInt8(ascii: ")")) else {
      return true
    }
    let fields = status[(end + 1)...].split(separator: UInt8(ascii: " "))
    guard fields.count > 6, let flags = UInt64(String(decoding: fields[6], as: UTF8.self)) else { return true }
    return flags & 4 != 0
  }
}
