// Whether a process is at its end. A number is held by what has ended until it is reaped, and a first thread may end long
// before the others.

internal import IPCKit

/// What the kernel tells of a process's life.
enum ProcessState {
  /// Whether it has ended or is about to: no thread of it is left that does not end.
  static func isEnding(_ processID: Int32) -> Bool {
    guard isEnding("/proc/\(processID)/stat") else { return false }
    let threads = (try? ProcessListing.numbers(in: "/proc/\(processID)/task")) ?? []
    return threads.allSatisfy { isEnding("/proc/\(processID)/task/\($0)/stat") }
  }

  /// PF_EXITING among a thread's flags, which stays set in what waits to be reaped; proc(5).
  private static func isEnding(_ path: String) -> Bool {
    guard let status = try? KernelText.contents(of: path), let flags = ProcessStatus.number(9, in: status) else {
      return true
    }
    return flags & 4 != 0
  }
}
