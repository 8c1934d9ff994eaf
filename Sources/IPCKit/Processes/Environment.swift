// The environment that a child gets: what this process has, changed on purpose. As bytes, because nothing promises UTF-8.

internal import CIPCShim
internal import Glibc

/// The variables of a process, in order.
///
/// ```swift
/// var environment = Environment.inherited
/// environment["TERM"] = "xterm-256color"
/// environment.remove { $0.hasPrefix("LISTEN_") }
/// ```
public struct Environment: Sendable {
  /// Each is `NAME=value`, without a NUL.
  private(set) var entries: [[UInt8]]

  /// No variables.
  public init() { entries = [] }

  /// This process's own, environ(7).
  public static var inherited: Environment {
    var environment = Environment()
    // An array of C strings that ends with a null pointer, or none at all after clearenv(3).
    var entry = unsafe ipc_environment()
    while let place = unsafe entry, let text = unsafe place.pointee {
      let length = unsafe strlen(text)
      unsafe environment.entries.append([UInt8](UnsafeRawBufferPointer(start: text, count: length)))
      unsafe entry = place + 1
    }
    return environment
  }

  /// A variable's value, with what is not UTF-8 repaired; setting it to nil removes the variable.
  public subscript(name: String) -> String? {
    get {
      entries.first { Self.has($0, name) }.map { String(decoding: $0.dropFirst(name.utf8.count + 1), as: UTF8.self) }
    }
    set {
      entries.removeAll { Self.has($0, name) }
      if let newValue { entries.append(Array("\(name)=\(newValue)".utf8)) }
    }
  }

  /// A variable's value, nil when it is not set.
  /// - Throws: EILSEQ when it is not UTF-8.
  public func text(of name: String) throws(SystemError) -> String? {
    guard let entry = entries.first(where: { Self.has($0, name) }) else { return nil }
    guard let text = String(validating: entry.dropFirst(name.utf8.count + 1), as: UTF8.self) else {
      throw SystemError(errno: EILSEQ, operation: "read variable", object: name)
    }
    return text
  }

  /// Removes the variables whose name `matches`.
  public mutating func remove(where matches: (String) -> Bool) {
    entries.removeAll { matches(String(decoding: $0.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)) }
  }

  /// Removes what a service manager tells the main process of a unit: its sockets, whom to notify, its watchdog, its
  /// directories, its journal. Who starts a process that is no part of the unit hands none of it on, or that process could
  /// speak in the unit's name.
  public mutating func removeUnitVariables() {
    remove { Self.unitVariables.contains($0) || $0.hasPrefix("LISTEN_") || $0.hasPrefix("WATCHDOG_") }
  }

  /// systemd.exec(5) tells of them.
  private static let unitVariables: Set<String> = [
    "NOTIFY_SOCKET", "INVOCATION_ID", "DEBUG_INVOCATION", "JOURNAL_STREAM", "LOG_NAMESPACE", "FDSTORE",
    "SYSTEMD_EXEC_PID", "MAINPID", "MAINPIDFDID", "MANAGERPID", "MANAGERPIDFDID", "PIDFILE", "REMOTE_ADDR",
    "REMOTE_PORT", "SO_COOKIE", "TRIGGER_UNIT", "TRIGGER_PATH", "TRIGGER_TIMER_REALTIME_USEC",
    "TRIGGER_TIMER_MONOTONIC_USEC", "MONITOR_SERVICE_RESULT", "MONITOR_EXIT_CODE", "MONITOR_EXIT_STATUS",
    "MONITOR_INVOCATION_ID", "MONITOR_UNIT", "SERVICE_RESULT", "EXIT_CODE", "EXIT_STATUS", "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
    "CREDENTIALS_DIRECTORY", "RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CACHE_DIRECTORY", "LOGS_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
  ]

  private static func has(_ entry: [UInt8], _ name: String) -> Bool {
    entry.count > name.utf8.count && entry[name.utf8.count] == UInt8(ascii: "=") && entry.starts(with: name.utf8)
  }
}
