// How a process ends: three ways, as waitid(2) tells them.

internal import CIPCShim

/// How a process ended.
@frozen public enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
  /// By exit(3), with this status, 0 to 255.
  case exited(Int32)
  /// By this signal.
  case signaled(Int32)
  /// Somebody else has reaped it, or SIGCHLD is ignored: the kernel does not tell any more.
  case unknown

  /// In words.
  public var description: String {
    switch self {
    case .exited(let code): "exited with status \(code)"
    case .signaled(let signal): "killed by signal \(signal)"
    case .unknown: "ended in an unknown way"
    }
  }
}

extension ExitStatus {
  init(_ exit: ipc_exit) { self = exit.signaled != 0 ? .signaled(exit.code) : .exited(exit.code) }
}
