// Who is looked at: a number alone may be another process's tomorrow.

internal import Glibc
package import IPCKit

/// A process, as far as a report names it. This is `process` in fdwatch's JSON.
package struct ProcessDescription: Codable, Hashable, Sendable {
  package var pid: Int32
  /// At most 15 bytes. Foreign text, as the command line is.
  package var name: String
  package var commandLine: [String]
  /// The real user's number.
  package var userID: UInt32?
  /// Nil for a number without a name.
  package var userName: String?
  /// When it began, in clock ticks since the machine started: with it, the number stands for this process alone.
  package var startTime: UInt64
  /// RLIMIT_NOFILE; nil for no limit.
  package var softLimit: UInt64?
  package var hardLimit: UInt64?

  /// Reads what /proc tells of it.
  /// - Throws: ESRCH when there is no such process.
  package init(processID: Int32) throws(SystemError) {
    guard let start = try ProcessStatus.startTime(ofProcess: processID) else {
      throw SystemError(errno: ESRCH, operation: "look at process", object: "\(processID)")
    }
    pid = processID
    startTime = start
    name = ProcessListing.name(ofProcess: processID)
    commandLine = ProcessNames.commandLine(of: processID)
    userID = Self.userID(of: processID)
    userName = userID.flatMap(Self.userName)
    (softLimit, hardLimit) = Self.limits(of: processID)
  }

  /// Whether both are one process.
  package func isSameProcess(as other: ProcessDescription) -> Bool { pid == other.pid && startTime == other.startTime }

  private static func userID(of processID: Int32) -> UInt32? {
    let line = KernelText.text(of: "/proc/\(processID)/status")?.split(separator: "\n").first { $0.hasPrefix("Uid:") }
    return line?.split(separator: "\t").dropFirst().first.flatMap { UInt32($0) }
  }

  private static func userName(_ id: UInt32) -> String? {
    var entry = unsafe passwd()
    var buffer = [CChar](repeating: 0, count: 16 << 10)
    var found: UnsafeMutablePointer<passwd>?
    // The entry's texts are in the buffer, which lives until the name is copied.
    guard unsafe getpwuid_r(id, &entry, &buffer, buffer.count, &found) == 0, unsafe found != nil else { return nil }
    return withExtendedLifetime(buffer) { unsafe entry.pw_name.map { unsafe String(cString: $0) } }
  }

  /// `Max open files            1024                 524288               files`
  private static func limits(of processID: Int32) -> (soft: UInt64?, hard: UInt64?) {
    let title = "Max open files"
    let line = KernelText.text(of: "/proc/\(processID)/limits")?.split(separator: "\n").first { $0.hasPrefix(title) }
    let fields = line?.dropFirst(title.count).split(separator: " ") ?? []
    return (fields.first.flatMap { UInt64($0) }, fields.dropFirst().first.flatMap { UInt64($0) })
  }
}

/// How a process was called.
package enum ProcessNames {
  /// From /proc/PID/cmdline; empty for what has none, such as the kernel's own.
  package static func commandLine(of processID: Int32) -> [String] {
    let bytes = (try? KernelText.contents(of: "/proc/\(processID)/cmdline")) ?? []
    guard !bytes.isEmpty else { return [] }
    let whole = bytes.last == 0 ? bytes.dropLast() : bytes[...]
    return whole.split(separator: 0, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
  }
}
