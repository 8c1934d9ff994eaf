// A service's place without a manager: a forked child that has descriptors from number 3 on, and variables that name
// it.

import Glibc
import IPCKit

/// What stands at number 3, 4 and so on.
enum Inherited: String, Codable, CaseIterable {
  case listener, seqpacketListener, connected, seqpacketConnected, datagram, fifo, pipe, memory, unconnected, closed

  /// What the library is to call it.
  var kind: InheritedDescriptor.Kind {
    switch self {
    case .listener: .listening(.stream)
    case .seqpacketListener: .listening(.seqpacket)
    case .connected: .connected(.stream)
    case .seqpacketConnected: .connected(.seqpacket)
    case .datagram: .datagram
    case .fifo, .pipe: .fifo
    case .memory, .unconnected, .closed: .other
    }
  }

  /// Makes one, at `path` where it has a path.
  fileprivate func make(at path: String) throws -> FileDescriptor {
    switch self {
    case .listener: return try boundSocket(path, backlog: 5)
    case .seqpacketListener: return try boundSocket(path, SOCK_SEQPACKET, backlog: 5)
    case .connected: return try socketPair().intoLeft()
    case .seqpacketConnected: return try socketPair(SOCK_SEQPACKET).intoLeft()
    case .datagram: return try boundSocket(path, SOCK_DGRAM)
    case .fifo:
      try makeFIFO(path)
      return try openFile(path, O_RDWR)
    case .pipe, .closed: return try Pipe().intoReading()
    case .memory: return try MemoryFile(Array("memory".utf8)).intoDescriptor()
    case .unconnected: return try boundSocket(path)
    }
  }
}

/// Runs `body` in a forked child that was activated with these descriptors, and hands out what it tells. Only in an
/// exit test.
func activated(
  _ kinds: [Inherited], names: String?, pid: String? = nil, count: String? = nil, at path: String? = nil,
  _ body: () throws -> String
) throws -> String {
  let directory = try TemporaryDirectory()
  return try toldByForkedChild { report in
    // The report moves out of the way, and everything else from 3 on is closed.
    let high = dup2(report, 200)
    for number in Int32(3)..<200 { close(number) }
    for (index, kind) in kinds.enumerated() {
      let descriptor = try kind.make(at: path ?? directory("s\(index)"))
      // Blocking and not close-on-exec, as an activator leaves it.
      try descriptor.setCloseOnExec(false)
      let number = descriptor.release()
      precondition(number == 3 + Int32(index), "the lowest free number")
      if kind == .closed { close(number) }
    }
    try setVariable("LISTEN_FDS", count ?? "\(kinds.count)")
    try setVariable("LISTEN_PID", pid ?? "\(getpid())")
    if let names { try setVariable("LISTEN_FDNAMES", names) }
    return (high, try body())
  }
}

/// Which of the first numbers that are handed over are open.
func openNumbers() -> [Int32] { (3...6).filter { fcntl($0, F_GETFD) >= 0 } }
