// What the kernel tells of a process, read from /proc.

internal import Glibc
internal import IPCKit

/// A process by its number.
struct ProcessFacts {
  let id: Int32

  private func file(_ name: String) -> String { text(of: "/proc/\(id)/\(name)") ?? "" }

  /// A line of /proc/PID/status.
  func status(_ key: String) -> String {
    let line = file("status").split(separator: "\n").first { $0.hasPrefix(key + ":") } ?? ""
    return String(line.dropFirst(key.count + 1).drop { $0 == " " || $0 == "\t" })
  }

  /// Resident memory in kilobytes.
  var residentKilobytes: Int { Int(status("VmRSS").prefix { $0.isNumber }) ?? 0 }

  /// The children of all its threads, zombies included.
  var children: [Int32] {
    names(in: "/proc/\(id)/task").flatMap { thread in
      file("task/\(thread)/children").split(separator: " ").compactMap { Int32($0) }
    }
  }

  /// Whether it exists, and not merely as a zombie.
  var isAlive: Bool { !["", "Z", "X"].contains(String(status("State").prefix(1))) }

  /// Its state's letter.
  var state: String { String(status("State").prefix(1)) }

  /// The fields of /proc/PID/stat behind the name: state, parent, group, session, terminal and so on.
  var numbers: [Int] {
    let line = file("stat")
    guard let end = line.lastIndex(of: ")") else { return [] }
    return line[line.index(after: end)...].split(separator: " ").dropFirst().map { Int($0) ?? 0 }
  }

  var parent: Int { numbers.first ?? 0 }
  var group: Int { numbers.dropFirst(1).first ?? 0 }
  var session: Int { numbers.dropFirst(2).first ?? 0 }
  /// The controlling terminal's device number, 0 without one.
  var terminal: Int { numbers.dropFirst(3).first ?? 0 }
  /// User and system time in ticks.
  var ticks: Int { numbers.dropFirst(10).prefix(2).reduce(0, +) }

  var directory: String? { link(at: "/proc/\(id)/cwd") }

  /// The soft and hard limit of open files.
  var descriptorLimits: [String] {
    let line = file("limits").split(separator: "\n").first { $0.hasPrefix("Max open files") } ?? ""
    return line.split(separator: " ").dropFirst(3).prefix(2).map(String.init)
  }

  /// Its descriptors: what each number leads to.
  var descriptors: [Int32: String] { (try? DescriptorCensus(processID: id).targets) ?? [:] }
}
